/* readahead: how much of a file comes, or is mapped, together (6.1). */
#ifndef KMEMSIM_SIM_READAHEAD_H
#define KMEMSIM_SIM_READAHEAD_H

/* VM_READAHEAD_PAGES with pages of 4 KiB: of files, what comes together; of what is swapped, too. */
#define WINDOW_PAGES 32u

/* fault_around_bytes: a fault on a page that is there maps all around it in an aligned range of so much. */
#define FAULT_AROUND_BYTES 65536u

#endif
