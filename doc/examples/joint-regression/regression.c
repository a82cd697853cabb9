/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logistic regression over the records of several owners, as a job: reads every CSV file in
 * datasets/ (numbers with a header; the last column is 0 or 1 and is to be predicted), fits on four
 * rows of five, measures on the fifth, writes results/model.json. Prints only counts.
 *
 * Newton's method; the sums are made in one order, so the same data give the same model.
 */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 32
#define ROWS_MAX    1000000
#define LINE_MAX_   4096
#define FILES_MAX   256
#define STEPS_MAX   50
#define SETTLED     1e-10
#define HELD_OUT    5 /* every fifth row is not learned from */

struct data {
    char *header;
    size_t columns; /* with the outcome */
    size_t rows;
    double *values; /* rows * columns */
};

struct model {
    size_t n; /* intercept and features */
    double mean[COLUMNS_MAX];
    double deviation[COLUMNS_MAX];
    double weight[COLUMNS_MAX]; /* [0]: intercept; on standardised features */
};

struct score {
    size_t rows;
    size_t right;
    double loss;
};

static void die(const char *what, const char *where, size_t line)
{
    fprintf(stderr, "regression: %s in %s, line %zu\n", what, where, line);
    exit(1);
}

static size_t count_columns(const char *header)
{
    size_t n = 1;

    for (; *header; header++)
        n += *header == ',';
    return n;
}

static void take_header(struct data *d, char *line, const char *path)
{
    line[strcspn(line, "\r\n")] = '\0';
    if (d->header) {
        if (strcmp(d->header, line) != 0)
            die("other columns than in the first file", path, 1);
        return;
    }
    d->header = strdup(line);
    d->columns = count_columns(line);
    if (!d->header || d->columns < 2 || d->columns > COLUMNS_MAX)
        die("too few or too many columns", path, 1);
}

static double *new_row(struct data *d, const char *path, size_t line)
{
    if (d->rows == ROWS_MAX)
        die("too many rows", path, line);
    if ((d->rows & (d->rows - 1)) == 0) { /* doubles at each power of two */
        size_t rows = d->rows ? d->rows * 2 : 1;
        d->values = realloc(d->values, rows * d->columns * sizeof *d->values);
        if (!d->values)
            die("out of memory", path, line);
    }
    return d->values + d->rows++ * d->columns;
}

static void take_row(struct data *d, const char *text, const char *path, size_t line)
{
    double *row = new_row(d, path, line);

    for (size_t i = 0; i < d->columns; i++) {
        char *end;
        row[i] = strtod(text, &end);
        if (end == text || !isfinite(row[i]))
            die("no number", path, line);
        if (*end != (i + 1 < d->columns ? ',' : '\n') && *end != '\r' && *end != '\0')
            die("wrong number of columns", path, line);
        text = *end ? end + 1 : end;
    }
    if (row[d->columns - 1] != 0.0 && row[d->columns - 1] != 1.0)
        die("an outcome that is neither 0 nor 1", path, line);
}

static void read_file(struct data *d, const char *path)
{
    char text[LINE_MAX_];
    FILE *f = fopen(path, "r");

    if (!f || !fgets(text, sizeof text, f))
        die("cannot read a header", path, 1);
    take_header(d, text, path);
    for (size_t line = 2; fgets(text, sizeof text, f); line++)
        if (text[0] != '\n' && text[0] != '\r')
            take_row(d, text, path, line);
    if (ferror(f))
        die("a read error", path, 0);
    fclose(f);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In the order of their names: a directory has none of its own. */
static size_t read_all(struct data *d, const char *dir)
{
    static char *paths[FILES_MAX];
    size_t n = 0;
    DIR *list = opendir(dir);

    for (struct dirent *e; list && (e = readdir(list));) {
        size_t len = strlen(e->d_name);
        size_t room = strlen(dir) + len + 2;
        if (len < 5 || strcmp(e->d_name + len - 4, ".csv") != 0)
            continue;
        if (n == FILES_MAX || !(paths[n] = malloc(room)))
            die("too many files", dir, 0);
        snprintf(paths[n++], room, "%s/%s", dir, e->d_name);
    }
    if (list)
        closedir(list);
    qsort(paths, n, sizeof *paths, by_name);
    for (size_t i = 0; i < n; i++)
        read_file(d, paths[i]);
    return n;
}

static int is_held_out(size_t row)
{
    return row % HELD_OUT == HELD_OUT - 1;
}

static void standardise(const struct data *d, struct model *m)
{
    size_t used = 0;

    m->n = d->columns;
    for (size_t r = 0; r < d->rows; r++) {
        used += !is_held_out(r);
        for (size_t i = 1; i < m->n && !is_held_out(r); i++)
            m->mean[i] += d->values[r * d->columns + i - 1];
    }
    for (size_t i = 1; i < m->n; i++)
        m->mean[i] /= (double)used;
    for (size_t r = 0; r < d->rows; r++)
        for (size_t i = 1; i < m->n && !is_held_out(r); i++)
            m->deviation[i] += pow(d->values[r * d->columns + i - 1] - m->mean[i], 2);
    for (size_t i = 1; i < m->n; i++) {
        m->deviation[i] = sqrt(m->deviation[i] / (double)used);
        if (m->deviation[i] == 0.0)
            m->deviation[i] = 1.0; /* a constant column: its weight is free, the ridge makes it 0 */
    }
}

static void features(const struct data *d, const struct model *m, size_t row, double *x)
{
    x[0] = 1.0;
    for (size_t i = 1; i < m->n; i++)
        x[i] = (d->values[row * d->columns + i - 1] - m->mean[i]) / m->deviation[i];
}

static double predict(const struct model *m, const double *x)
{
    double z = 0.0;

    for (size_t i = 0; i < m->n; i++)
        z += m->weight[i] * x[i];
    return 1.0 / (1.0 + exp(-z));
}

/* Solves a * x = b in place, with a symmetric and positive definite (Gauss, no pivoting needed). */
static void solve(double a[COLUMNS_MAX][COLUMNS_MAX], double *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t r = i + 1; r < n; r++) {
            double f = a[r][i] / a[i][i];
            for (size_t c = i; c < n; c++)
                a[r][c] -= f * a[i][c];
            b[r] -= f * b[i];
        }
    for (size_t i = n; i-- > 0;) {
        for (size_t c = i + 1; c < n; c++)
            b[i] -= a[i][c] * b[c];
        b[i] /= a[i][i];
    }
}

/* One step of Newton's method; the largest change of a weight. */
static double step(const struct data *d, struct model *m)
{
    double hessian[COLUMNS_MAX][COLUMNS_MAX] = {{0}};
    double gradient[COLUMNS_MAX] = {0};
    double x[COLUMNS_MAX];
    double change = 0.0;

    for (size_t r = 0; r < d->rows; r++) {
        if (is_held_out(r))
            continue;
        features(d, m, r, x);
        double p = predict(m, x);
        double rest = d->values[(r + 1) * d->columns - 1] - p;
        for (size_t i = 0; i < m->n; i++) {
            gradient[i] += rest * x[i];
            for (size_t c = 0; c < m->n; c++)
                hessian[i][c] += p * (1.0 - p) * x[i] * x[c];
        }
    }
    for (size_t i = 0; i < m->n; i++) {
        hessian[i][i] += 1e-6; /* a trace of ridge: separable data must not diverge */
        gradient[i] -= 1e-6 * m->weight[i];
    }
    solve(hessian, gradient, m->n);
    for (size_t i = 0; i < m->n; i++) {
        m->weight[i] += gradient[i];
        change = fmax(change, fabs(gradient[i]));
    }
    return change;
}

static struct score measure(const struct data *d, const struct model *m)
{
    struct score s = {0, 0, 0.0};
    double x[COLUMNS_MAX];

    for (size_t r = 0; r < d->rows; r++) {
        if (!is_held_out(r))
            continue;
        features(d, m, r, x);
        double p = predict(m, x);
        int y = d->values[(r + 1) * d->columns - 1] > 0.5;
        s.rows++;
        s.right += (p > 0.5) == y;
        s.loss -= log(y ? p : 1.0 - p);
    }
    return s;
}

/* Weights are given for the columns as they are, not standardised. */
static void write_model(FILE *f,
                        const struct data *d,
                        const struct model *m,
                        const struct score *s,
                        size_t files,
                        int steps)
{
    double intercept = m->weight[0];
    const char *name = d->header;

    for (size_t i = 1; i < m->n; i++)
        intercept -= m->weight[i] * m->mean[i] / m->deviation[i];
    fprintf(f, "{\n  \"files\": %zu,\n  \"rows\": %zu,\n  \"held_out\": %zu,\n  \"steps\": %d,\n",
            files, d->rows, s->rows, steps);
    fprintf(f, "  \"accuracy\": %.6f,\n  \"log_loss\": %.6f,\n  \"intercept\": %.6f,\n",
            (double)s->right / (double)s->rows, s->loss / (double)s->rows, intercept);
    fprintf(f, "  \"coefficients\": {");
    for (size_t i = 1; i < m->n; i++) {
        int len = (int)strcspn(name, ",");
        fprintf(f, "%s\n    \"%.*s\": %.6f", i > 1 ? "," : "", len, name,
                m->weight[i] / m->deviation[i]);
        name += len + 1;
    }
    fprintf(f, "\n  }\n}\n");
}

static int save(const struct data *d, const struct model *m, size_t files, int steps)
{
    struct score s = measure(d, m);
    FILE *f = fopen("results/model.json", "w");

    if (!f)
        return 0;
    write_model(f, d, m, &s, files, steps);
    int wrong = ferror(f);
    return fclose(f) == 0 && !wrong;
}

int main(void)
{
    struct data d = {0};
    struct model m = {0};
    int steps = 0;

    size_t files = read_all(&d, "datasets");
    if (d.rows < 10 * HELD_OUT)
        die("too few rows", "datasets", d.rows);
    standardise(&d, &m);
    while (steps++ < STEPS_MAX && step(&d, &m) > SETTLED)
        ;
    if (!save(&d, &m, files, steps)) {
        fprintf(stderr, "regression: cannot write results/model.json\n");
        return 1;
    }
    printf("%zu files, %zu rows, %d steps\n", files, d.rows, steps);
    return 0;
}
