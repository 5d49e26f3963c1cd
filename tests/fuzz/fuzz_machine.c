/* Any bytes as a machine file. What loads must come back the same from its canonical form. */
#include <string.h>

#include "configs/machine_yaml.h"
#include "tests/fuzz/fuzz.h"

static void expect_round_trip(const struct machine *machine)
{
	struct machine *again = calloc(1, sizeof(*again));
	char *yaml = machine_to_yaml(machine);

	if (!again || !yaml || machine_load_text(again, "canonical", yaml, strlen(yaml), NULL, 0, NULL) < 0 ||
		memcmp(machine, again, sizeof(*machine)))
		abort();
	free(yaml);
	free(again);
}

/* The first line that begins with "--set " ends the file; what follows on it is a setting. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char option[] = "--set ";
	struct machine *machine = calloc(1, sizeof(*machine));
	char *text = malloc(size + 1), *setting;
	struct err err;

	memcpy(text, data, size);
	text[size] = '\0';
	setting = strstr(text, option);
	if (setting && (setting == text || setting[-1] == '\n')) {
		const char *const sets[] = { setting + strlen(option) };

		if (machine_load_text(machine, "m.yaml", text, (size_t)(setting - text), sets, 1, &err) == 0)
			expect_round_trip(machine);
	} else if (machine_load_text(machine, "m.yaml", text, size, NULL, 0, &err) == 0) {
		expect_round_trip(machine);
	}
	free(text);
	free(machine);
	return 0;
}
