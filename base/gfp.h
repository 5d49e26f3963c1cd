/*
 * gfp: the bits of a gfp mask, numbered as in kernels 5.1 to 6.2 (include/linux/gfp_types.h of 6.1).
 * The vocabulary that traces, machines and the modelled kernel share: traces of other kernels are translated to
 * these numbers at import. What a bit makes the allocator do is written in mm/, not here.
 */
#ifndef KMEMSIM_BASE_GFP_H
#define KMEMSIM_BASE_GFP_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t gfp_t;

#define GFP_BIT_DMA             0x1u
#define GFP_BIT_HIGHMEM         0x2u
#define GFP_BIT_DMA32           0x4u
#define GFP_BIT_MOVABLE         0x8u
#define GFP_BIT_RECLAIMABLE     0x10u
#define GFP_BIT_HIGH            0x20u
#define GFP_BIT_IO              0x40u
#define GFP_BIT_FS              0x80u
#define GFP_BIT_ZERO            0x100u
#define GFP_BIT_ATOMIC          0x200u
#define GFP_BIT_DIRECT_RECLAIM  0x400u
#define GFP_BIT_KSWAPD_RECLAIM  0x800u
#define GFP_BIT_WRITE           0x1000u
#define GFP_BIT_NOWARN          0x2000u
#define GFP_BIT_RETRY_MAYFAIL   0x4000u
#define GFP_BIT_NOFAIL          0x8000u
#define GFP_BIT_NORETRY         0x10000u
#define GFP_BIT_MEMALLOC        0x20000u
#define GFP_BIT_COMP            0x40000u
#define GFP_BIT_NOMEMALLOC      0x80000u
#define GFP_BIT_HARDWALL        0x100000u
#define GFP_BIT_THISNODE        0x200000u
#define GFP_BIT_ACCOUNT         0x400000u
#define GFP_BIT_ZEROTAGS        0x800000u

#define GFP_RECLAIM        (GFP_BIT_DIRECT_RECLAIM | GFP_BIT_KSWAPD_RECLAIM)
#define GFP_ATOMIC         (GFP_BIT_HIGH | GFP_BIT_ATOMIC | GFP_BIT_KSWAPD_RECLAIM)
#define GFP_NOWAIT         GFP_BIT_KSWAPD_RECLAIM
#define GFP_NOIO           GFP_RECLAIM
#define GFP_NOFS           (GFP_RECLAIM | GFP_BIT_IO)
#define GFP_KERNEL         (GFP_RECLAIM | GFP_BIT_IO | GFP_BIT_FS)
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | GFP_BIT_ACCOUNT)
#define GFP_USER           (GFP_KERNEL | GFP_BIT_HARDWALL)
#define GFP_HIGHUSER       (GFP_USER | GFP_BIT_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | GFP_BIT_MOVABLE)
#define GFP_TRANSHUGE_LIGHT \
	((GFP_HIGHUSER_MOVABLE | GFP_BIT_COMP | GFP_BIT_NOMEMALLOC | GFP_BIT_NOWARN) & ~GFP_RECLAIM)
#define GFP_TRANSHUGE      (GFP_TRANSHUGE_LIGHT | GFP_BIT_DIRECT_RECLAIM)
/* What the modelled kernel can know; anything else is masked off at import and counted. */
#define GFP_ALL_BITS       0xffffffu

/** How a kernel numbers the bits of a raw mask; text needs no layout. See spec/page-allocator.md 3.7. */
enum gfp_layout {
	GFP_LAYOUT_L1, /* up to 4.3 */
	GFP_LAYOUT_L2, /* 4.4 to 4.9 */
	GFP_LAYOUT_L3, /* 4.10 to about 4.17 */
	GFP_LAYOUT_L4, /* about 4.18 to 5.0 */
	GFP_LAYOUT_L5, /* 5.1 to 6.2 */
	GFP_LAYOUT_L6, /* 6.3 to 6.6: __GFP_ATOMIC is gone */
	GFP_LAYOUT_L7, /* 6.7 and later: GFP_NOWAIT includes __GFP_NOWARN */
};

/** gfp_layout_of_kernel() - the layout of kernel @major.@minor. */
enum gfp_layout gfp_layout_of_kernel(unsigned int major, unsigned int minor);

/**
 * gfp_from_raw() - translate a raw mask to the numbering above.
 * @unknown: set to the bits that have no meaning here (may be NULL).
 */
gfp_t gfp_from_raw(uint64_t raw, enum gfp_layout layout, uint64_t *unknown);

/**
 * gfp_parse() - read a mask as the kernel prints it ("GFP_KERNEL|__GFP_ZERO", "0xcc0", "none").
 * @text:    need not be terminated.
 * @layout:  what a composite name such as GFP_ATOMIC, and a number, means there.
 * @gfp:     result.
 * Old spellings (GFP_WAIT, __GFP_REPEAT, GFP_TEMPORARY, names without underscores) are accepted.
 *
 * Return: 0, or -1 with *gfp left alone when a word is unknown.
 */
int gfp_parse(const char *text, size_t len, enum gfp_layout layout, gfp_t *gfp);

/**
 * gfp_parse_known() - the same, but a flag whose name begins with "__GFP_" and is not known is left out.
 * @unknown: room for @size bytes: the names of those left out, parted by "|" and cut to the room; "" for none.
 */
int gfp_parse_known(const char *text, size_t len, enum gfp_layout layout, gfp_t *gfp, char *unknown, size_t size);

/** gfp_format() - print as kernel 6.1 does (trace/events/mmflags.h order). Return: length, as snprintf(). */
int gfp_format(gfp_t gfp, char *buf, size_t size);

#endif
