/*
 * Runs every kernel of this architecture on the lines of standard input; see arm64_vectors.py.
 * Prints a line for each kernel and exits with 1 if any result differs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel.h"

#define MAX_BYTES (1u << 16)

static size_t unhex(const char *text, uint8_t *bytes)
{
    size_t size = 0;
    unsigned value;

    while (sscanf(text + 2 * size, "%2x", &value) == 1 && size < MAX_BYTES)
        bytes[size++] = (uint8_t)value;
    return size;
}

static int same(const char *what, const char *name, const uint8_t *got, const uint8_t *want, size_t n)
{
    if (memcmp(got, want, n) == 0)
        return 1;
    printf("%s: wrong %s\n", name, what);
    return 0;
}

static int run(const struct lux_kernel *kernel, char *line)
{
    static uint8_t field[6][MAX_BYTES], out[MAX_BYTES];
    size_t size[6] = {0};
    char *word = strtok(line, " \n"), *kind = word;
    int fields = 0;

    while ((word = strtok(NULL, " \n")) != NULL && fields < 6)
        size[fields] = unhex(word[0] == '-' ? "" : word, field[fields]), fields++;
    if (strcmp(kind, "midstate") == 0) {
        lux_midstate(kernel, field[0], out);
        return same(kind, kernel->name, out, field[1], 32);
    }
    if (strcmp(kind, "double") == 0) {
        lux_double(kernel, field[0], size[0], out);
        return same(kind, kernel->name, out, field[1], 32);
    }
    if (strcmp(kind, "header") == 0) {
        lux_header_hash(kernel, field[0], field[1], field[2], out);
        return same(kind, kernel->name, out, field[3], 32);
    }
    if (strcmp(kind, "check") == 0) {
        lux_verify_batch(kernel, field[0], field[1], field[2], field[3], size[4], out);
        return same(kind, kernel->name, out, field[4], size[4]);
    }
    if (strcmp(kind, "scan") == 0) { /* midstate tail target first+count found */
        struct lux_search search;
        uint32_t found[256], expected = (uint32_t)size[4] / 4, n;

        lux_prepare(&search, field[0], field[1]);
        lux_set_target(&search, field[2]);
        n = kernel->scan(&search, lux_load_be(field[3]), lux_load_be(field[3] + 4), found, 256);
        for (uint32_t i = 0; i < n; i++)
            lux_store_be(out + 4 * i, found[i]);
        return same("number of positions", kernel->name, (uint8_t *)&n, (uint8_t *)&expected, 4)
               && same(kind, kernel->name, out, field[4], size[4]);
    }
    printf("unknown line %s\n", kind);
    return 0;
}

int main(void)
{
    static char line[4 * MAX_BYTES], copy[4 * MAX_BYTES];
    int bad[16] = {0}, lines = 0, failed = 0;

    while (fgets(line, sizeof line, stdin) != NULL) {
        lines++;
        for (int i = 0; lux_kernels[i] != NULL; i++)
            if (lux_kernels[i]->usable()) {
                strcpy(copy, line);
                bad[i] += !run(lux_kernels[i], copy);
            }
    }
    for (int i = 0; lux_kernels[i] != NULL; i++) {
        if (!lux_kernels[i]->usable())
            printf("%s: not usable here\n", lux_kernels[i]->name);
        else
            printf("%s: %d of %d right\n", lux_kernels[i]->name, lines - bad[i], lines);
        failed |= bad[i] != 0;
    }
    return failed || lines == 0;
}
