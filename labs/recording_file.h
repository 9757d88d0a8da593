/* recording_file: the file of a recording, read whole. What it holds is for others to judge. */
#ifndef LABS_RECORDING_FILE_H
#define LABS_RECORDING_FILE_H

#include "base/bytes.h"
#include "base/status.h"

/* Appends to `bytes`, which are the caller's to free in every case. The detail of a problem names
 * the file. */
MUST_USE enum status recording_file_read(const char *path, struct bytes *bytes,
                                         struct problem *problem);

#endif
