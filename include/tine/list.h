/* Intrusive circular doubly linked lists. An empty list's head points at itself. */
#pragma once

#include <tine/types.h>

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(name)     \
	{                        \
		&(name), &(name) \
	}

static inline void list_init(struct list_head *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}

static inline void list_insert_between(struct list_head *n, struct list_head *prev,
				       struct list_head *next)
{
	n->prev = prev;
	n->next = next;
	prev->next = n;
	next->prev = n;
}

/* Puts n first. */
static inline void list_add(struct list_head *n, struct list_head *head)
{
	list_insert_between(n, head, head->next);
}

/* Puts n last. */
static inline void list_add_tail(struct list_head *n, struct list_head *head)
{
	list_insert_between(n, head->prev, head);
}

/* Takes n out of its list and leaves it an empty list of its own; harmless if it is in none. */
static inline void list_del(struct list_head *n)
{
	struct list_head *prev = n->prev, *next = n->next;

	prev->next = next;
	next->prev = prev;
	list_init(n);
}

/* Moves all of from behind what to has. */
static inline void list_splice_tail(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* Puts what is in from, which becomes empty, at the front of to. */
static inline void list_splice(struct list_head *from, struct list_head *to)
{
	list_splice_tail(from, to->next);
}

#define list_entry(ptr, type, member)        container_of(ptr, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)

#define list_for_each_entry(pos, head, member)                                                 \
	for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head); \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))

/* Safe against removal of pos; next is the caller's variable of pos's type. */
#define list_for_each_entry_safe(pos, next_, head, member)                  \
	for (pos = list_entry((head)->next, __typeof__(*pos), member),      \
	    next_ = list_entry(pos->member.next, __typeof__(*pos), member); \
	     &pos->member != (head);                                        \
	     pos = next_, next_ = list_entry(next_->member.next, __typeof__(*pos), member))
