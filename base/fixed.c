#include "base/fixed.h"

#include "base/bits.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

uint64_t log2_fixed(uint64_t x)
{
	unsigned int whole = ilog2_u64(x);
	uint64_t mantissa = x << (63 - whole); /* 1 <= mantissa / 2^63 < 2 */
	uint64_t result = (uint64_t)whole << 32;

	/* Squaring doubles the logarithm: the next binary digit is whether that reaches 2. */
	for (int bit = 31; bit >= 0; bit--) {
		u128 square = (u128)mantissa * mantissa >> 63;

		if (square >> 64) {
			result |= 1ull << bit;
			square >>= 1;
		}
		mantissa = (uint64_t)square;
	}
	return result;
}

/* 2^(@fraction / 2^32), in units of 2^-62: the series of e^x with x = fraction ln 2. */
static uint64_t exp2_fraction(uint32_t fraction)
{
	uint64_t x = (uint64_t)((u128)fraction * FIXED_LN2 >> 2); /* units of 2^-62 */
	uint64_t term = 1ull << 62, sum = term;

	for (unsigned int k = 1; term; k++) {
		term = (uint64_t)((u128)term * x >> 62) / k;
		sum += term;
	}
	return sum;
}

uint64_t scale_exp2(uint64_t x, int64_t log2)
{
	int64_t whole = log2 >> 32;
	u128 product = (u128)x * exp2_fraction((uint32_t)log2); /* units of 2^-62 */

	if (whole < -65)
		return 0;
	if (whole > 62 || product >> (62 - whole) >> 64)
		return x ? UINT64_MAX : 0;
	return (uint64_t)(product >> (62 - whole));
}

#define Q(x) ((int64_t)((x) * 4294967296.0))

static int64_t mul(int64_t a, int64_t b)
{
	return (int64_t)((s128)a * b >> 32);
}

/* The polynomial with @nr coefficients, highest power first. */
static int64_t polynomial(const int64_t *coefficients, int nr, int64_t x)
{
	int64_t sum = coefficients[0];

	for (int i = 1; i < nr; i++)
		sum = mul(sum, x) + coefficients[i];
	return sum;
}

static int64_t divide(int64_t a, int64_t b)
{
	return (int64_t)((s128)a * (1ll << 32) / b);
}

/* P. J. Acklam's rational approximation: one for the middle, one for both tails. */
int64_t normal_quantile(uint64_t u)
{
	static const int64_t a[] = { Q(-39.69683028665376), Q(220.9460984245205), Q(-275.9285104469687),
		Q(138.3577518672690), Q(-30.66479806614716), Q(2.506628277459239) };
	static const int64_t b[] = { Q(-54.47609879822406), Q(161.5858368580409), Q(-155.6989798598866),
		Q(66.80131188771972), Q(-13.28068155288572), Q(1.0) };
	static const int64_t c[] = { Q(-0.007784894002430293), Q(-0.3223964580411365), Q(-2.400758277161838),
		Q(-2.549732539343734), Q(4.374664141464968), Q(2.938163982698783) };
	static const int64_t d[] = { Q(0.007784695709041462), Q(0.3224671290700398), Q(2.445134137142996),
		Q(3.754408661907416), Q(1.0) };
	const uint64_t tail = (uint64_t)Q(0.02425) << 32;
	uint64_t p = u >> 63 ? ~u : u; /* by symmetry: the lower half */
	int64_t z;

	if (p < tail) {
		/* q = sqrt(-2 ln p) */
		uint64_t minus_log2 = (64ull << 32) - log2_fixed(p ? p : 1);
		uint64_t square = 2 * (uint64_t)((u128)minus_log2 * FIXED_LN2 >> 32);
		int64_t q = (int64_t)(isqrt_u64(square << 20) << 6);

		z = divide(polynomial(c, 6, q), polynomial(d, 5, q));
	} else {
		int64_t q = (int64_t)(p >> 32) - (int64_t)(FIXED_ONE / 2);
		int64_t r = mul(q, q);

		z = divide(mul(polynomial(a, 6, r), q), polynomial(b, 6, r));
	}
	return u >> 63 ? -z : z;
}
