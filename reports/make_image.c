/*
 * make_image: run by the build: an empty results database, byte by byte, as C text on standard output. The program
 * writes these bytes to make a database: to have SQLite execute the statements of reports/schema.sql takes twenty
 * times as long.
 */
#include <stdio.h>

#include "reports/build.h"
#include "reports/database_priv.h"

enum { VALUES_A_LINE = 32 };

static int fail(sqlite3 *db, const char *what)
{
	fprintf(stderr, "make_image: %s: %s\n", what, db ? sqlite3_errmsg(db) : "no memory");
	return 1;
}

static void print_image(const unsigned char *image, sqlite3_int64 size)
{
	printf("#include \"reports/database_priv.h\"\n\nconst unsigned char database_image[] = {");
	for (sqlite3_int64 i = 0; i < size; i++)
		printf("%s%u,", i % VALUES_A_LINE ? "" : "\n\t", image[i]);
	printf("\n};\nconst size_t database_image_bytes = sizeof(database_image);\n");
}

int main(void)
{
	char identity[128];
	sqlite3 *db = NULL;
	sqlite3_int64 size = 0;
	unsigned char *image;

	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		return fail(db, "cannot begin");
	snprintf(identity, sizeof(identity), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		RESULTS_APPLICATION_ID, RESULTS_SCHEMA_VERSION);
	if (sqlite3_exec(db, database_schema, NULL, NULL, NULL) != SQLITE_OK ||
		sqlite3_exec(db, identity, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, "schema.sql");
	image = sqlite3_serialize(db, "main", &size, 0);
	if (!image)
		return fail(NULL, "cannot serialize");
	print_image(image, size);
	sqlite3_free(image);
	sqlite3_close(db);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : fail(NULL, "cannot write");
}
