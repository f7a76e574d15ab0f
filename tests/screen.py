"""The screen and the keyboard of a virtual machine, through QEMU's monitor.

`Screen.text()` is what VGA's text memory shows; `Screen.type()` queues keys, and `Screen.tick()` presses them one
at a time: the next one only when the screen shows that the one before has arrived, since a keyboard has room for
few.
"""

import re
import socket

MEMORY = 0xB8000
COLUMNS, ROWS = 80, 25
PROMPT = b"(qemu) "

NAMES = {" ": "spc", "\n": "ret", "\t": "tab", "\x7f": "backspace", "\x1b": "esc"}
NAMES.update(zip("-=[]\\;'`,./", "minus equal bracket_left bracket_right backslash semicolon apostrophe "
                 "grave_accent comma dot slash".split()))
SHIFTED = dict(zip('!@#$%^&*()_+{}|:"~<>?', "1234567890-=[]\\;'`,./"))


def key_name(character):
    if character in SHIFTED:
        return "shift-" + key_name(SHIFTED[character])
    if character in NAMES:
        return NAMES[character]
    if character < " ":
        return "ctrl-" + chr(ord(character) + 0x60)
    return "shift-" + character.lower() if character.isupper() else character


class Screen:
    """Connects to a monitor at a Unix socket that QEMU serves."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.read_answer()
        self.keys = []
        self.before = None  # the cells when the last key was pressed

    def read_answer(self):
        answer = b""
        while not answer.endswith(PROMPT):
            chunk = self.socket.recv(65536)
            if not chunk:
                raise EOFError
            answer += chunk
        return answer.decode("ascii", "replace")

    def command(self, line):
        self.socket.sendall(line.encode() + b"\n")
        return self.read_answer()

    def cells(self):
        answer = self.command(f"xp /{COLUMNS * ROWS}hx {MEMORY:#x}")
        lines = re.findall(r"^[0-9a-f]+:(.*)", answer, re.MULTILINE)
        return [int(word, 16) for line in lines for word in line.split()]

    def text(self):
        """Rows without the blanks at their ends, nor empty ones below."""
        glyphs = bytes(cell & 0xFF for cell in self.cells()).decode("cp437").replace("\0", " ")
        rows = [glyphs[i : i + COLUMNS].rstrip() for i in range(0, len(glyphs), COLUMNS)]
        return "\n".join(rows).rstrip("\n")

    def type(self, text):
        """Queues keys: characters, or one by its name in QEMU, as "key:ctrl-alt-delete"."""
        self.keys += [text[4:]] if text.startswith("key:") else [key_name(c) for c in text]

    def tick(self):
        """Presses the next key, if the screen shows the last one. Blanks show with what follows them."""
        if self.keys and self.cells() != self.before:
            self.before = self.cells()
            while self.keys:
                key = self.keys.pop(0)
                self.command(f"sendkey {key}")
                if key != "spc":
                    break
        return bool(self.keys)

    def close(self):
        self.socket.close()
