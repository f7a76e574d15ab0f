# TAP for the suites in sh and bash: . /tests/helpers/tap.sh
#
#	is TEXT GOT EXPECTED	the two are the same string
#	ok TEXT COMMAND...	the command succeeds
#	skip TEXT REASON
#	finish			prints the plan and exits
#
# They run in a directory of their own, which finish removes.

tap_count=0
tap_failed=0
echo "TAP version 13"
tap_folder=$(mktemp -d)
cd "$tap_folder" || exit 1
export HOME=$tap_folder

tap_result() { # "" or "not ", TEXT
	tap_count=$((tap_count + 1))
	echo "$1ok $tap_count - $2"
	[ -z "$1" ] || tap_failed=1
}

is() {
	if [ "$2" = "$3" ]; then
		tap_result "" "$1"
	else
		printf '%s\n' "got:      $2" "expected: $3" | sed 's/^/# /'
		tap_result "not " "$1"
	fi
}

ok() {
	tap_text=$1
	shift
	if "$@"; then tap_result "" "$tap_text"; else tap_result "not " "$tap_text"; fi
}

skip() {
	tap_result "" "$1 # SKIP $2"
}

finish() {
	cd / && rm -rf "$tap_folder"
	echo "1..$tap_count"
	exit $tap_failed
}
