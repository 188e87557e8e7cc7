//! Prime — the small primes whose product a client has to factor.

use rand::Rng;

/// A random prime of 31 bits: four bytes, and quick for a client to find.
pub(super) fn random() -> u32 {
    loop {
        let n = rand::rng().random_range(1u32 << 30..1 << 31) | 1;
        if is_prime(n) {
            return n;
        }
    }
}

/// Miller and Rabin; these bases decide every 32-bit number.
fn is_prime(n: u32) -> bool {
    let n = u64::from(n);
    let power = |base: u64, mut exponent: u64| {
        let (mut base, mut out) = (base % n, 1);
        while exponent > 0 {
            if exponent & 1 == 1 {
                out = out * base % n;
            }
            base = base * base % n;
            exponent >>= 1;
        }
        out
    };
    let twos = (n - 1).trailing_zeros();
    [2u64, 7, 61].iter().all(|base| {
        let mut x = power(*base, (n - 1) >> twos);
        (x == 1 || x == n - 1) || (1..twos).any(|_| (x = x * x % n, x == n - 1).1)
    })
}
