/*
 * shrinkers: which slab objects go under pressure: dentries and inodes that nobody uses, oldest first, each
 * superblock's for itself, what ext4 remembers of where files lie, and the buffer heads of pages that go. Models
 * super_cache_scan(), prune_dcache_sb(), ext4_es_scan() and drop_buffers() (6.1).
 *
 * What is whose a trace does not say, but the order of a task's requests does: a lookup takes a dentry, then its
 * inode, then the inode's security blob; a pipe or socket takes the inode first; a write takes a page, then its
 * buffer heads. Pages of files are those of the inode that their task took last.
 * Simplified: a dentry counts as unused from its birth, unless what it belongs to keeps it: files of memory (shmem),
 * pipes and sockets, and what the kernel itself made (tracefs, debugfs). Directories are not kept by their children.
 * Objects are not told apart by node: each node's shrinker has its share. Extents go in the order in which they came,
 * not file by file, whoever has looked one up since; those that are still to be written, too. Objects of an initial
 * state that the trace does not know are in shrink_older.c.
 */
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "sim/reclaim_priv.h"

/*
 * Entries of sysfs, cgroups and proc are made again without a disk: seeks 0 (kernfs_fill_super(), proc_fill_super()).
 * 1024: alloc_super(). 128: SHRINK_BATCH.
 */
static const struct shrinker shrinkers[NR_SB] = {
	[SB_KERNFS] = { .seeks = 0, .batch = 1024, .needs_fs = true },
	[SB_PROC] = { .seeks = 0, .batch = 1024, .needs_fs = true },
	[SB_DISK] = { .seeks = 2, .batch = 1024, .needs_fs = true },
	[SB_EXTENTS] = { .seeks = 2, .batch = 128 },
};
_Static_assert(NR_SB <= MAX_SHRINKERS, "a node's deferred counts have room for all");

/**
 * What is known of a slot's object. Slots are counted from 1 here, 0 is none. Links lead to and fro:
 * whatever ends, nobody leads to it any more, so a slot that has another object by now is nobody's mate.
 */
struct shrink_link {
	uint32_t prev, next; /* on its superblock's list; of a buffer head: on its page's */
	/* a dentry's inode, an inode's dentry; a page's first buffer head, a head's page; a blob's inode */
	uint32_t mate;
	union {
		uint32_t blob;   /* of an inode */
		/* of a page: it goes before the inode does, and may outlive it where pages are mistaken */
		uint32_t inode;
	};
	uint32_t pages;      /* of an inode: in memory */
	uint8_t class;       /* enum shrink_class */
	uint8_t list;        /* 1 + enum sb; 0: on none */
	bool referenced;     /* used again since it was put there: is passed over once */
	bool large;          /* an inode's file has had more than one page */
	bool gone;           /* a page has been reclaimed */
};

/**
 * What a task has taken last, and what may follow belongs to:
 * as long as it is there, and has nothing of the kind yet.
 */
struct shrink_task {
	uint32_t dentry, inode, blobless, page;
	uint32_t file;       /* inode of a disk */
	uint8_t sb;          /* 1 + that of its last dentry with an inode */
	bool kernel;         /* makes files that stay */
};

struct shrink_list {
	uint32_t head, tail;
	uint64_t count;
};

struct shrinkers {
	struct shrink_link *links;   /* owned mapping by slot + 1, backed when touched */
	size_t bytes;
	struct shrink_task *tasks;   /* owned; by who */
	struct shrink_list lists[NR_SB];
};

enum shrink_class shrink_class_of(const char *cache)
{
	static const char *const kept[] = { "shmem_inode_cache", "sock_inode_cache", "bdev_cache", "mqueue_inode_cache",
		"hugetlbfs_inode_cache", "tracefs_inode_cache", "debugfs_inode_cache" };

	if (!strcmp(cache, "dentry"))
		return SHRINK_DENTRY;
	if (!strcmp(cache, "buffer_head"))
		return SHRINK_HEAD;
	if (!strcmp(cache, "ext4_extent_status"))
		return SHRINK_EXTENT;
	if (!strcmp(cache, "radix_tree_node"))
		return SHRINK_NODE;
	if (!strcmp(cache, "mm_struct"))
		return SHRINK_NEVER;
	if (!strcmp(cache, "lsm_inode_cache"))
		return SHRINK_BLOB;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (!strcmp(cache, kept[i]))
			return SHRINK_INODE_KEPT;
	if (!strcmp(cache, "inode_cache"))
		return SHRINK_INODE_KERNFS;
	if (!strcmp(cache, "proc_inode_cache"))
		return SHRINK_INODE_PROC;
	return strstr(cache, "inode") ? SHRINK_INODE_DISK : SHRINK_NOTHING;
}

/* ---- Lists ---- */

static void list_del(struct shrinkers *s, uint32_t at)
{
	struct shrink_link *link = &s->links[at];
	struct shrink_list *list;

	if (!link->list)
		return;
	list = &s->lists[link->list - 1];
	*(link->prev ? &s->links[link->prev].next : &list->head) = link->next;
	*(link->next ? &s->links[link->next].prev : &list->tail) = link->prev;
	list->count--;
	link->list = 0;
}

static void list_add(struct shrinkers *s, uint32_t at, enum sb sb, bool referenced)
{
	struct shrink_list *list = &s->lists[sb];
	struct shrink_link *link = &s->links[at];

	list_del(s, at);
	link->prev = 0;
	link->next = list->head;
	*(list->head ? &s->links[list->head].prev : &list->tail) = at;
	list->head = at;
	list->count++;
	link->list = (uint8_t)(sb + 1);
	link->referenced = referenced;
}

/* ---- What requests tell ---- */

/*
 * Files of a disk are looked up once to be made or found, and
 * again to be used; those of kernfs and proc are read once.
 */
static void use_dentry(struct shrinkers *s, uint32_t at, enum sb sb)
{
	list_add(s, at, sb, sb == SB_DISK);
}

static bool is_inode(enum shrink_class class)
{
	return class >= SHRINK_INODE_KEPT && class <= SHRINK_INODE_DISK;
}

static void dentry_begins(struct shrinkers *s, struct shrink_task *task, uint32_t at)
{
	if (is_inode((enum shrink_class)s->links[task->inode].class) && !s->links[task->inode].mate) {
		s->links[at].mate = task->inode;
		s->links[task->inode].mate = at;
		task->inode = task->dentry = 0;
		return;
	}
	task->dentry = at;
	use_dentry(s, at, task->sb ? (enum sb)(task->sb - 1) : SB_DISK);
}

static void inode_begins(struct shrinkers *s, struct shrink_task *task, uint32_t at, enum shrink_class class)
{
	uint32_t dentry = task->dentry;

	task->blobless = at;
	task->file = class == SHRINK_INODE_DISK ? at : 0;
	task->dentry = 0;
	if (s->links[dentry].class != SHRINK_DENTRY || s->links[dentry].mate) {
		task->inode = at;
		return;
	}
	task->inode = 0;
	s->links[at].mate = dentry;
	s->links[dentry].mate = at;
	if (class == SHRINK_INODE_KEPT || (class == SHRINK_INODE_KERNFS && task->kernel)) {
		list_del(s, dentry);
		return;
	}
	task->sb = (uint8_t)(1 +
		(class == SHRINK_INODE_KERNFS              ? SB_KERNFS :
				class == SHRINK_INODE_PROC ? SB_PROC :
							     SB_DISK));
	use_dentry(s, dentry, (enum sb)(task->sb - 1));
}

static void head_begins(struct shrinkers *s, const struct shrink_task *task, uint32_t at)
{
	struct shrink_link *page = &s->links[task->page], *head = &s->links[at];

	if (page->class != SHRINK_PAGE)
		return;
	head->mate = task->page;
	head->next = page->mate;
	if (page->mate)
		s->links[page->mate].prev = at;
	page->mate = at;
}

static void blob_begins(struct shrinkers *s, struct shrink_task *task, uint32_t at)
{
	struct shrink_link *inode = &s->links[task->blobless];

	if (is_inode((enum shrink_class)inode->class) && !inode->blob) {
		inode->blob = at;
		s->links[at].mate = task->blobless;
	}
	task->blobless = 0;
}

static void page_begins(struct shrinkers *s, uint32_t file, uint32_t at)
{
	struct shrink_link *inode = &s->links[file];

	if (inode->class != SHRINK_INODE_DISK)
		return;
	s->links[at].inode = file;
	inode->pages++;
	inode->large |= inode->pages > 1;
	if (inode->list)
		list_del(s, file);
}

/*
 * Models mapping_shrinkable(): what is left of several pages that went, their
 * shadow entries, keeps the inode as pages do; of the first page alone it does not.
 */
static bool is_shrinkable(const struct shrink_link *inode)
{
	return !inode->pages && !inode->large;
}

/* A page of a file is no more. */
static void leave_inode(struct shrinkers *s, uint32_t page)
{
	uint32_t at = s->links[page].inode;
	struct shrink_link *inode = &s->links[at];

	if (s->links[page].gone || inode->class != SHRINK_INODE_DISK || !inode->pages)
		return;
	inode->pages--;
	if (is_shrinkable(inode) && !inode->mate)
		list_add(s, at, SB_DISK, false);
}

/* Buffer heads of a page that is no more: nobody knows whose they are. */
static void leave_heads(struct shrinkers *s, uint32_t page)
{
	for (uint32_t head = s->links[page].mate, next; head; head = next) {
		next = s->links[head].next;
		s->links[head] = (struct shrink_link){ .class = SHRINK_HEAD };
	}
}

static void leave_page(struct shrinkers *s, const struct shrink_link *head)
{
	if (!head->mate)
		return;
	*(head->prev ? &s->links[head->prev].next : &s->links[head->mate].mate) = head->next;
	if (head->next)
		s->links[head->next].prev = head->prev;
}

static void object_ends(struct shrinkers *s, uint32_t at)
{
	struct shrink_link *link = &s->links[at];

	switch ((enum shrink_class)link->class) {
	case SHRINK_NOTHING:
	case SHRINK_NODE:
	case SHRINK_NEVER:
		return;
	case SHRINK_HEAD:
		leave_page(s, link);
		break;
	case SHRINK_PAGE:
		leave_heads(s, at);
		leave_inode(s, at);
		break;
	case SHRINK_BLOB:
		if (link->mate)
			s->links[link->mate].blob = 0;
		break;
	default:
		list_del(s, at);
		if (link->mate)
			s->links[link->mate].mate = 0;
		if (link->blob)
			s->links[link->blob].mate = 0;
		break;
	}
	*link = (struct shrink_link){ 0 };
}

void shrinkers_object_ends(struct run *run, uint32_t slot)
{
	if (run->reclaim.shrinkers)
		object_ends(run->reclaim.shrinkers, slot + 1);
}

void shrinkers_object_begins(struct run *run, uint32_t slot, uint32_t who, enum shrink_class class)
{
	struct shrinkers *s = run->reclaim.shrinkers;
	struct shrink_task *task;
	uint32_t at = slot + 1, file;

	if (!s || slot == SLOT_NONE)
		return;
	file = run->reclaim.reading_again ? s->links[at].inode : s->tasks[who].file;
	object_ends(s, at);
	s->links[at].class = (uint8_t)class;
	task = &s->tasks[who];
	if (class == SHRINK_DENTRY)
		dentry_begins(s, task, at);
	else if (is_inode(class))
		inode_begins(s, task, at, class);
	else if (class == SHRINK_EXTENT)
		list_add(s, at, SB_EXTENTS, false);
	else if (class == SHRINK_HEAD)
		head_begins(s, task, at);
	else if (class == SHRINK_BLOB)
		blob_begins(s, task, at);
	else if (class == SHRINK_PAGE)
		page_begins(s, file, task->page = at);
}

/* ---- What pressure does ---- */

/* The object at @at, if it is one of such a class, and lives. */
static struct object *object_at(struct run *run, uint32_t at, enum shrink_class first, enum shrink_class last)
{
	struct object *object = at ? &run->objects[at - 1] : NULL;

	return object && object->slab < OBJECT_TAGS && run->ops[object->op].lru >= first &&
			run->ops[object->op].lru <= last ?
		object :
		NULL;
}

static void free_object(struct run *run, struct object *object, unsigned int cpu, struct meter *meter)
{
	shrinkers_object_ends(run, (uint32_t)(object - run->objects));
	slab_free(run->mm.slab, slab_part(object), cpu, meter);
	reclaim_lose(run, object, 0);
	run->reclaim.objects_gone++;
}

static void free_inode(struct run *run, uint32_t at, unsigned int cpu, struct meter *meter)
{
	struct object *inode = object_at(run, at, SHRINK_INODE_KEPT, SHRINK_INODE_DISK);
	struct object *blob;

	if (!inode)
		return;
	blob = object_at(run, run->reclaim.shrinkers->links[at].blob, SHRINK_BLOB, SHRINK_BLOB);
	free_object(run, inode, cpu, meter);
	if (blob)
		free_object(run, blob, cpu, meter);
}

/*
 * An inode of a disk stays for a while when its last name is
 * gone; others have no reason to (generic_delete_inode()).
 */
static void free_dentry(struct run *run, struct object *dentry, enum sb sb, unsigned int cpu, struct meter *meter)
{
	struct shrinkers *s = run->reclaim.shrinkers;
	uint32_t inode = s->links[dentry - run->objects + 1].mate;

	free_object(run, dentry, cpu, meter);
	if (sb != SB_DISK)
		free_inode(run, inode, cpu, meter);
	else if (object_at(run, inode, SHRINK_INODE_KEPT, SHRINK_INODE_DISK) && is_shrinkable(&s->links[inode]))
		list_add(s, inode, sb, false);
}

uint64_t shrinkers_unused(const struct run *run, unsigned int sb)
{
	return run->reclaim.shrinkers->lists[sb].count;
}

static uint64_t count_objects(void *arg, uint32_t shrinker, uint32_t node)
{
	struct run *run = arg;

	(void)node;
	/* What a recorded kswapd freed the trace frees. */
	return run->reclaim.recorded ?
		0 :
		(run->reclaim.shrinkers->lists[shrinker].count + older_count(run, shrinker)) / run->machine->nr_nodes;
}

static uint64_t scan_objects(void *arg, uint32_t shrinker, uint32_t node, uint64_t nr, unsigned int cpu,
	struct meter *meter)
{
	struct run *run = arg;
	struct shrinkers *s = run->reclaim.shrinkers;
	struct shrink_list *list = &s->lists[shrinker];
	uint64_t before = run->reclaim.objects_gone;

	(void)node;
	for (uint64_t i = older_scan(run, shrinker, nr, cpu, meter); i < nr && list->tail; i++) {
		uint32_t at = list->tail;
		struct object *dentry = object_at(run, at, SHRINK_DENTRY, SHRINK_DENTRY);
		struct object *extent = object_at(run, at, SHRINK_EXTENT, SHRINK_EXTENT);

		meter_charge(meter, STEP_SHRINKER_OBJECT, 1);
		if (s->links[at].referenced)
			list_add(s, at, (enum sb)shrinker, false);
		else if (dentry)
			free_dentry(run, dentry, (enum sb)shrinker, cpu, meter);
		else if (extent)
			free_object(run, extent, cpu, meter);
		else if (object_at(run, at, SHRINK_INODE_KEPT, SHRINK_INODE_DISK))
			free_inode(run, at, cpu, meter);
		else
			list_del(s, at);
	}
	return run->reclaim.objects_gone - before;
}

void shrinkers_page_gone(struct run *run, uint32_t slot)
{
	struct shrinkers *s = run->reclaim.shrinkers;

	while (s->links[slot + 1].mate && !run->reclaim.recorded) {
		uint32_t at = s->links[slot + 1].mate;
		struct object *head = object_at(run, at, SHRINK_HEAD, SHRINK_HEAD);

		if (head)
			free_object(run, head, run->cpu, &run->meter);
		else
			object_ends(s, at);
	}
	leave_inode(s, slot + 1);
	s->links[slot + 1].gone = true;
}

/* ---- The whole ---- */

/*
 * Who makes files for good: threads of the kernel (pid 1 is one until it runs its
 * first program), and who loads modules, which bring files of their tracepoints.
 */
static bool is_kernel_task(const char *comm)
{
	return !strncmp(comm, "swapper", 7) || !strncmp(comm, "kworker", 7) || !strcmp(comm, "kdevtmpfs") ||
	       !strcmp(comm, "modprobe") || !strcmp(comm, "insmod");
}

int shrinkers_start(struct run *run, struct reclaim_hooks *hooks, struct err *err)
{
	struct shrinkers *s = calloc(1, sizeof(*s));

	run->reclaim.shrinkers = s;
	if (s)
		s->tasks = calloc(run->tables->nr_whos + 1, sizeof(*s->tasks));
	if (!s || !s->tasks)
		return err_set(err, ERR_NOMEM, "no memory for what %u tasks take", run->tables->nr_whos);
	s->bytes = ((size_t)run->meta->slots + 1) * sizeof(*s->links);
	s->links = table_map(s->bytes);
	if (!s->links)
		return err_errno(err, "links of objects (%zu bytes of address space)", s->bytes);
	for (uint32_t who = 0; who < run->tables->nr_whos; who++)
		s->tasks[who].kernel = is_kernel_task(run_string(run, run->tables->whos[who].comm));
	hooks->shrinkers = shrinkers;
	hooks->nr_shrinkers = NR_SB;
	hooks->count_objects = count_objects;
	hooks->scan_objects = scan_objects;
	return 0;
}

void shrinkers_fini(struct run *run)
{
	struct shrinkers *s = run->reclaim.shrinkers;

	if (!s)
		return;
	table_unmap(s->links, s->bytes);
	free(s->tasks);
	free(s);
}
