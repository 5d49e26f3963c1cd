/*
 * array: growing arrays. The owner keeps a pointer, how many elements there is room for (cap) and how many there
 * are; a zeroed pointer and cap are an empty array, which free() ends. Room doubles, so that adding costs the same
 * however many there are.
 */
#ifndef KMEMSIM_BASE_ARRAY_H
#define KMEMSIM_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * array_bigger() - the room to have in place of @cap for an
 * element @nr. Return: more than @nr, or 0: no array has so many.
 */
uint32_t array_bigger(uint32_t cap, uint64_t nr);

/**
 * array_resize() - see that there is room for @cap elements; for several arrays that share one cap.
 * @items: address of the owner's pointer to the elements, which may move; new ones are not cleared.
 * @size:  bytes of an element.
 * @cap:   from array_bigger(); 0 fails.
 *
 * Return: false when there is no memory: the array is as it was.
 */
bool array_resize(void *items, size_t size, uint32_t cap);

/**
 * array_grow() - array_resize() to the next larger room; @cap
 * is the owner's and set when it succeeds. Return: as that.
 */
bool array_grow(void *items, size_t size, uint32_t *cap, uint64_t nr);

/**
 * array_room() - see that there is room for element @nr; the usual call before one is added.
 * @items: address of the owner's pointer.
 * @cap:   address of how many there is room for, a uint32_t.
 * @nr:    the element's number, evaluated twice like the others.
 *
 * Return: false when there is no memory: the array is as it was.
 */
#define array_room(items, cap, nr) ((nr) < *(cap) || array_grow((items), sizeof(**(items)), (cap), (nr)))

/** array_grow_cleared() - array_grow(), and all bytes of the new elements are 0. */
bool array_grow_cleared(void *items, size_t size, uint32_t *cap, uint64_t nr);

/**
 * array_room_cleared() - array_room() for an array that is looked
 * up by number: elements that nobody has set are all zeros.
 */
#define array_room_cleared(items, cap, nr) \
	((nr) < *(cap) || array_grow_cleared((items), sizeof(**(items)), (cap), (nr)))

#endif
