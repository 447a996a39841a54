/* Products and functions of small matrices whose sizes are constants when this is compiled.

   A row starts at a multiple of a vector and has room for a constant unit behind its entries; what
   stands behind that is never read into an entry. Every function is inlined where it is called, so
   that its loops have constant bounds and the tile of a product stays in registers. It needs the
   vector extensions of gcc (12 or newer) or clang, and no library but for sin and cos. */

#ifndef WIDE /* bits of a number, 32 or 64 */
#define WIDE 32
#endif
#ifndef BYTES /* of a vector: one wider than the machine's would be slow */
#if defined(__AVX512F__) && NARROWEST >= 128 /* units of a layer: they fill the wider ones */
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#endif
#ifndef WIDEST /* vectors of a row of a tile, and of all of it: what is read needs registers, too */
#if defined(__AVX512VL__) || defined(__ARM_NEON)
#define WIDEST 5
#define LARGEST 20
#elif defined(__wasm__) /* a product and its sum are two instructions, with a register between */
#define WIDEST 4
#define LARGEST 8
#else
#define WIDEST 3
#define LARGEST 12
#endif
#endif
#ifndef INLINE /* a test may have functions instead, which take less time to compile */
#define INLINE static inline __attribute__((always_inline))
#endif
#ifndef EXPORT
#define EXPORT
#endif

#if WIDE == 64
typedef double F;
typedef long long Bits;
enum { MANTISSA = 52, BIAS = 1023, TERMS = 13, SQUARES = 33 };
#else
typedef float F;
typedef int Bits;
enum { MANTISSA = 23, BIAS = 127, TERMS = 7, SQUARES = 15 };
#endif
typedef F V __attribute__((vector_size(BYTES)));
typedef Bits I __attribute__((vector_size(BYTES))); /* what comparing two V gives */
typedef long long Size; /* int has 32 bits, and so has long in places */
enum { LANES = BYTES / sizeof(F) };

#define UNROLLED _Pragma("GCC unroll 32")
#define CEIL(n, by) (((n) + (by) - 1) / (by))
#define LD(n) (CEIL((n) + 1, LANES) * LANES)
#define COUNT(name, rows, columns) +(Size)(rows) * LD(columns)
#ifndef TAKE /* a test may have a piece of memory for every matrix */
#define TAKE(name, rows, columns) \
    F(*const name)[LD(columns)] = (void *)memory; \
    memory += (rows) * LD(columns);
#endif
#define TASK(block) ((Size)(block) * tasks / blocks) /* the first one of a block */
#define WIDTH(x) ((int)(sizeof *(x) / sizeof **(x)))

/* --- entry by entry: j is a vector of row i --- */

#define at(x) (((V *)(x)[i])[j])
#define row(x) (((V *)(x)[0])[j]) /* the same in every row */
#define column(x) all((x)[i][0])  /* the same in every column */
#define EACH(out, rows, columns, value) \
    for (int i = 0; i < (rows); i++) \
        for (int j = 0; j < CEIL(columns, LANES); j++) at(out) = value
#define COPY(to, from, rows, columns) \
    for (int i = 0; i < (rows); i++) \
        for (int j = 0; j < (columns); j++) to = from
#define READ(to, rows, columns, from) \
    COPY(to, from[i * (columns) + j], rows, columns); \
    from += (rows) * (columns)
#define WRITE(from, rows, columns, to) \
    COPY(to[i * (columns) + j], from, rows, columns); \
    to += (rows) * (columns)
#define CONSTANT(x, rows, unit, value) \
    for (int i = 0; i < (rows); i++) x[i][unit] = value

INLINE V all(F x) { return x - (V){}; }
INLINE V where(I mask, V x) { return (V)((I)x & mask); }
INLINE V either(I mask, V x, V y) { return (V)(((I)x & mask) | ((I)y & ~mask)); }
INLINE I lanes(void) {
    I lane;
    UNROLLED for (int l = 0; l < LANES; l++) lane[l] = l;
    return lane;
}

/* A comparison with NaN is false: what is to pass NaN on asks for the contrary. */
INLINE V relu(V x) { return where(~(x <= 0), x); }
INLINE V gate(V x, V h) { return where(~(h <= 0), x); } /* x times the slope of relu */
INLINE V above(V x) { return either(x != x, x, where(x > 0, all(1))); }
INLINE V below(V x) { return above(-x); }
INLINE V dipped(V x) { return where(~(x >= 0), x); } /* the smaller one of x and 0 */
INLINE V clip(V x) { return either(x > 1, all(1), either(x < -1, all(-1), x)); }
INLINE V minus_absolute(V x) { return (V)((I)x | (I)all(-(F)0)); }
INLINE V within(V x) { return above(1 + minus_absolute(x)); }
INLINE V larger(V x, V y) { return either((x > y) | (x != x), x, y); }

/* p and s = 2^n such that exp(x) = s (1 + p): p = exp(r) - 1 by Taylor's series, |r| < log(2) / 2.
   Where exp would overflow s is infinite, and where it would underflow 0. */
INLINE V power(V x, V *s) {
    const F high = WIDE == 64 ? 710 : 89, low = WIDE == 64 ? -709.2 : -88;
    const F shift = WIDE == 64 ? 0x1.8p52 : 0x1.8p23f;
    x = either(x > high, all(high), either(x < low, all(low), x));
    V n = x * (F)1.4426950408889634 + shift;
    I whole = (I)n; /* its last bits are those of the nearest integer */
    n -= shift;
    V r = (x - n * (F)(WIDE == 64 ? 0x1.62e42fee00000p-1 : 0x1.62e400p-1f))
          - n * (F)(WIDE == 64 ? 0x1.a39ef35793c76p-33 : 0x1.7f7d1cp-20f), p = {};
    double factorial = 1;
    UNROLLED for (int k = 2; k <= TERMS; k++) factorial *= k;
    UNROLLED for (int k = TERMS; k > 0; factorial /= k--) p = p * r + (F)(1 / factorial);
    *s = (V)((whole + BIAS) << MANTISSA);
    return p * r;
}
INLINE V exp_(V x) { V s, p = power(x, &s); return s * (1 + p); }
INLINE V decay(V x) { return exp_(dipped(x)); }
INLINE V dip(V x) { V s, p = power(dipped(x), &s); return s * p + (s - 1); }
INLINE V tanh_(V x) {
    const F far = WIDE == 64 ? 20 : 10; /* 1 from there on */
    x = either(x > far, all(far), either(x < -far, all(-far), x));
    V s, p = power(x + x, &s), y = s * p + (s - 1);
    return y / (y + 2);
}
INLINE V sigmoid(V x) { return 1 / (1 + exp_(-x)); }
/* artanh(s) for |s| <= 1/3. */
INLINE V artanh(V s) {
    V q = s * s, sum = {};
    UNROLLED for (int k = SQUARES; k > 0; k -= 2) sum = sum * q + (F)1 / k;
    return s * sum;
}
/* log(1 + u) = 2 artanh(u / (2 + u)), u = exp(-|x|). */
INLINE V softplus(V x) {
    V u = exp_(minus_absolute(x));
    return relu(x) + 2 * artanh(u / (u + 2));
}
/* log(m 2^n) = n log(2) + 2 artanh((m - 1) / (m + 1)), m between the roots of 1/2 and 2. */
INLINE V log_(V x) {
    const F normal = WIDE == 64 ? 0x1p-1022 : 0x1p-126f, up = WIDE == 64 ? 0x1p54 : 0x1p25f;
    V given = x, n = where(x < normal, all(WIDE == 64 ? -54 : -25));
    x = either(x < normal, x * up, x);
    I whole = ((I)x - (I)all((F)0.70710678118654752)) >> MANTISSA;
    V m = (V)((I)x - (whole << MANTISSA));
    n += __builtin_convertvector(whole, V);
    V found = n * (F)0.69314718055994531 + 2 * artanh((m - 1) / (m + 1));
    found = either(given == (F)__builtin_inf(), given, found);
    V none = either(given == 0, all(-(F)__builtin_inf()), all((F)__builtin_nan("")));
    return either(given > 0, found, none);
}
INLINE V reciprocal(V x) { return 1 / x; }
INLINE V sin_(V x) {
    UNROLLED for (int l = 0; l < LANES; l++)
        x[l] = WIDE == 64 ? __builtin_sin(x[l]) : __builtin_sinf(x[l]);
    return x;
}
INLINE V cos_(V x) {
    UNROLLED for (int l = 0; l < LANES; l++)
        x[l] = WIDE == 64 ? __builtin_cos(x[l]) : __builtin_cosf(x[l]);
    return x;
}

/* --- sums --- */

/* A sum over all entries of a value. */
#define SUM(rows, columns, value) ({ \
    V total = {}; \
    for (int i = 0; i < (rows); i++) { \
        int j = 0; \
        for (; j < (columns) / LANES; j++) total += value; \
        if ((columns) % LANES) total += where(lanes() < (columns) % LANES, value); \
    } \
    added(total); \
})
INLINE F added(V x) {
    F sum = 0;
    UNROLLED for (int l = 0; l < LANES; l++) sum += x[l];
    return sum;
}
/* Sums and largest entries over the rows, and the sum of row i. */
#define down(x, rows) ({ V s = {}; for (int i = 0; i < (rows); i++) s += at(x); s; })
#define most(x, rows) ({ \
    V s = row(x); \
    for (int i = 1; i < (rows); i++) s = larger(at(x), s); \
    s; \
})
#define along(x, columns) all(sum_of_row((V *)(x)[i], columns))
INLINE F sum_of_row(const V *x, int columns) { return SUM(1, columns, x[j]); }

/* --- products --- */

/* Entry (i, j) is at[i * row + j * column]. */
typedef struct { const F *at; Size row, column; } Matrix;
/* scale * left right, a sum over `inner` of both. */
typedef struct { Matrix left, right; Size inner; F scale; } Term;
/* Where start + left right + ... goes, and what is read beside it when it is stored. */
typedef struct { F *out; Size row; Matrix start, other; const Term *term; int terms; } Sum;
typedef V Then(V, V);
/* R rows and C vectors at a time, in the columns from j on. */
typedef void Tiles(int R, int C, Size first, Size last, Size j, const Sum *sum);

#define PLAIN(x) ((Matrix){(const F *)(x), WIDTH(x), 1})
#define TURNED(x) ((Matrix){(const F *)(x), 1, WIDTH(x)})
#define NONE ((Matrix){0, 0, 0})
#define TERM(left, right, inner) {left, PLAIN(right), inner, 1}
#define SCALED(left, right, inner, scale) {left, PLAIN(right), inner, scale}
#define ENTRY(x, i, j) (x).at[(i) * (x).row + (j) * (x).column]
#define VECTOR(x, i, j) (*(const V *)&ENTRY(x, i, j))
#define CELLS(...) \
    UNROLLED for (int r = 0; r < R; r++) UNROLLED for (int c = 0; c < C; c++) __VA_ARGS__
#define AT(x, next) (*(V *)((x) + r * (next) + c * LANES))
#if defined(__AVX512F__) || (defined(__AVX__) && BYTES <= 32) || (defined(__SSE__) && BYTES <= 16)
#define KEEP(x) __asm__("" : "+v"(x)) /* gcc would read it again for every row */
#else
#define KEEP(x)
#endif

INLINE void tiles(int R, int C, Size first, Size last, Size j, const Sum *sum, Then *then) {
    for (Size i = first; i < last; i += R) {
        V it[LARGEST][WIDEST], with[WIDEST];
        const F *start = sum->start.at ? &ENTRY(sum->start, i, j) : 0;
        if (start) CELLS(it[r][c] = AT(start, sum->start.row);)
        else CELLS(it[r][c] = (V){};)
        for (const Term *term = sum->term; term < sum->term + sum->terms; term++) {
            const Size row = term->left.row, column = term->left.column, next = term->right.row;
            const F *left = &ENTRY(term->left, i, 0), *right = &ENTRY(term->right, 0, j);
#define MULTIPLY(entry) \
    for (Size k = 0; k < term->inner; k++, left += column, right += next) { \
        UNROLLED for (int c = 0; c < C; c++) { \
            with[c] = *(const V *)(right + c * LANES); \
            KEEP(with[c]); \
        } \
        CELLS(it[r][c] += (entry) * with[c];) \
    }
            if (term->scale == 1) MULTIPLY(left[r * row])
            else MULTIPLY(term->scale * left[r * row])
        }
        F *out = sum->out + i * sum->row + j;
        const F *other = sum->other.at ? &ENTRY(sum->other, i, j) : 0;
        if (other) CELLS(AT(out, sum->row) = then(it[r][c], AT(other, sum->other.row));)
        else CELLS(AT(out, sum->row) = then(it[r][c], (V){});)
    }
}
/* A function for every tile, since a program has many products of few kinds: inlined, they take
   a compiler minutes, and five steps a gigabyte. */
#define TILES(R, C, then) \
    static __attribute__((noinline, noclone)) void then##_##R##_##C( \
        Size first, Size last, Size j, const Sum *sum) { \
        tiles(R, C, first, last, j, sum, then); \
    }
#define CALL(R_, C_, then) \
    if (R == R_ && C == C_) then##_##R_##_##C_(first, last, j, sum);
#define TALLEST 6
#define ROWS(DO, C, then) \
    DO(1, C, then) DO(2, C, then) DO(3, C, then) DO(4, C, then) DO(5, C, then) DO(6, C, then)
#if WIDEST > 3
#define SHAPES(DO, then) \
    ROWS(DO, 1, then) ROWS(DO, 2, then) ROWS(DO, 3, then) ROWS(DO, 4, then) ROWS(DO, 5, then)
#else
#define SHAPES(DO, then) ROWS(DO, 1, then) ROWS(DO, 2, then) ROWS(DO, 3, then)
#endif
/* What is done to a sum before it is stored, with an entry of another matrix. */
#define THEN(name, value) \
    INLINE V name(V it, V with) { (void)with; return value; } \
    SHAPES(TILES, name) \
    INLINE void name##_tiles(int R, int C, Size first, Size last, Size j, const Sum *sum) { \
        SHAPES(CALL, name) \
    }
THEN(same, it)

/* As many rows at a time as the registers hold, and as like as can be: R of them, then R - 1. */
INLINE void stripe(int C, int rows, int j, const Sum *sum, Tiles *tiles) {
    const int most = LARGEST / C < TALLEST ? LARGEST / C : TALLEST, count = CEIL(rows, most);
    const int R = CEIL(rows, count), tall = R * (rows - count * (R - 1));
    tiles(R, C, 0, tall, j, sum);
    if (tall < rows) tiles(R - 1, C, tall, rows, j, sum);
}
/* The first stripe is wider where there would be one of a vector, which is read for one row. */
INLINE void product(int rows, int columns, const Sum *sum, Tiles *tiles) {
    const int vectors = CEIL(columns, LANES), C = WIDEST - 1;
    const int whole = vectors > WIDEST ? CEIL(vectors - WIDEST, C) : 0;
    const int wide = vectors - whole * C;
    stripe(wide, rows, 0, sum, tiles);
    for (int at = 0; at < whole; at++) stripe(C, rows, (wide + at * C) * LANES, sum, tiles);
}
#define PRODUCT(out, rows, columns, start, then, other, ...) do { \
    const Term terms[] = {__VA_ARGS__}; \
    const Sum sum = {(F *)(out), WIDTH(out), start, other, terms, sizeof terms / sizeof *terms}; \
    product(rows, columns, &sum, then##_tiles); \
} while (0)

/* The sums of the lanes of as many vectors: of pairs within 16 bytes, and then of these. */
#if WIDE == 64 && BYTES == 16
#define PAIRS(o) 0 + o, 2 + o
#define PARTS(o) PAIRS(0) /* there is one part */
#elif WIDE == 64 && BYTES == 32
#define PAIRS(o) 0 + o, 4 + o, 2 + o, 6 + o
#define PARTS(o) 0 + o, 1 + o, 4 + o, 5 + o
#elif WIDE == 64
#define PAIRS(o) 0 + o, 8 + o, 2 + o, 10 + o, 4 + o, 12 + o, 6 + o, 14 + o
#define PARTS(o) 0 + o, 1 + o, 4 + o, 5 + o, 8 + o, 9 + o, 12 + o, 13 + o
#elif BYTES == 16
#define PAIRS(o) 0 + o, 2 + o, 4 + o, 6 + o
#define PARTS(o) PAIRS(0) /* there is one part */
#elif BYTES == 32
#define PAIRS(o) 0 + o, 2 + o, 8 + o, 10 + o, 4 + o, 6 + o, 12 + o, 14 + o
#define PARTS(o) 0 + o, 1 + o, 2 + o, 3 + o, 8 + o, 9 + o, 10 + o, 11 + o
#else
#define QUAD(o) 0 + o, 2 + o, 16 + o, 18 + o
#define PAIRS(o) QUAD(o), QUAD(4 + o), QUAD(8 + o), QUAD(12 + o)
#define FOUR(o) 0 + o, 1 + o, 2 + o, 3 + o
#define PARTS(o) FOUR(o), FOUR(8 + o), FOUR(16 + o), FOUR(24 + o)
#endif
#define BOTH(x, y, WHICH, o) \
    (__builtin_shufflevector(x, y, WHICH(0)) + __builtin_shufflevector(x, y, WHICH(o)))
INLINE V sums(V *x) {
    int n = LANES / 2;
    UNROLLED for (; n >= BYTES / 16; n /= 2) UNROLLED for (int i = 0; i < n; i++)
        x[i] = BOTH(x[2 * i], x[2 * i + 1], PAIRS, 1);
    UNROLLED for (; n > 0; n /= 2) UNROLLED for (int i = 0; i < n; i++)
        x[i] = BOTH(x[2 * i], x[2 * i + 1], PARTS, 128 / WIDE);
    return x[0];
}
/* n <= LANES entries of a row of start + scale * left right^T: the rows of both are vectors. */
INLINE void group(int n, int i, int j, F *out, int ld, Matrix start, Matrix left, Matrix right,
                  int inner, F scale) {
    const int whole = inner / LANES, rest = inner % LANES;
    const V *a = &VECTOR(left, i, 0);
    V sum[LANES];
    UNROLLED for (int l = 0; l < LANES; l++) {
        const V *b = &VECTOR(right, j + (l < n ? l : 0), 0);
        sum[l] = rest && l < n ? where(lanes() < rest, a[whole] * b[whole]) : (V){};
        if (l < n) UNROLLED for (int k = 0; k < whole; k++) sum[l] += a[k] * b[k];
    }
    V total = scale * sums(sum);
    *(V *)(out + i * ld + j) = start.at ? VECTOR(start, i, j) + total : total;
}
INLINE void dots(int rows, int columns, F *out, int ld, Matrix start, Matrix left, Matrix right,
                 int inner, F scale) {
    const int last = columns % LANES;
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j + LANES <= columns; j += LANES)
            group(LANES, i, j, out, ld, start, left, right, inner, scale);
        if (last) group(last, i, columns - last, out, ld, start, left, right, inner, scale);
    }
}
#define SCALED_DOTS(out, rows, columns, start, left, right, inner, scale) \
    dots(rows, columns, (F *)(out), WIDTH(out), start, PLAIN(left), PLAIN(right), inner, scale)
#define DOTS(...) SCALED_DOTS(__VA_ARGS__, 1)

/* Adds the gradients of the blocks of tasks, and returns the sum of their losses. */
EXPORT double total(int blocks, Size numbers, const F *gradients, F *gradient,
                    const double *losses) {
    double loss = 0;
    for (int block = 0; block < blocks; block++) loss += losses[block];
    if (blocks == 1) return loss; /* they are the gradient */
    for (Size k = 0; k < numbers; k++) gradient[k] = gradients[k] + gradients[numbers + k];
    for (int block = 2; block < blocks; block++)
        for (Size k = 0; k < numbers; k++) gradient[k] += gradients[block * numbers + k];
    return loss;
}
