//! Hashing, signing and verifying what was on the wire instead of what the library believes it said.

use dimpl::crypto::{
    Buf, HashAlgorithm, HashContext, HashProvider, KeyProvider, SignatureAlgorithm,
    SignatureVerifier, SigningKey,
};

use super::SWAPS;

/// `view`, the library's bytes of the handshake, as they were on the wire.
pub(super) fn said(view: &[u8]) -> Vec<u8> {
    let mut bytes = view.to_vec();
    SWAPS.with_borrow(|swaps| {
        for (inside, outside) in swaps {
            if let Some(at) = bytes.windows(inside.len()).position(|window| window == inside) {
                bytes[at..at + inside.len()].copy_from_slice(outside);
            }
        }
    });
    bytes
}

#[derive(Debug)]
pub(super) struct Hashes;

#[derive(Debug)]
struct Hash(Box<dyn HashContext>);

impl HashProvider for Hashes {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        Box::new(Hash(
            dimpl::crypto::aws_lc_rs::default_provider().hash_provider.create_hash(algorithm),
        ))
    }
}

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.0.update(&said(data));
    }

    fn clone_and_finalize(&self, out: &mut Buf) {
        self.0.clone_and_finalize(out);
    }
}

#[derive(Debug)]
pub(super) struct Keys;

#[derive(Debug)]
struct Key(Box<dyn SigningKey>);

impl KeyProvider for Keys {
    fn load_private_key(&self, der: &[u8]) -> Result<Box<dyn SigningKey>, dimpl::CryptoError> {
        let key =
            dimpl::crypto::aws_lc_rs::default_provider().key_provider.load_private_key(der)?;
        Ok(Box::new(Key(key)))
    }
}

impl SigningKey for Key {
    fn sign(
        &mut self,
        data: &[u8],
        hash: HashAlgorithm,
        out: &mut Buf,
    ) -> Result<(), dimpl::CryptoError> {
        self.0.sign(&said(data), hash, out)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.0.hash_algorithm()
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        self.0.supported_hash_algorithms()
    }
}

#[derive(Debug)]
pub(super) struct Verifier;

impl SignatureVerifier for Verifier {
    fn verify_signature(
        &self,
        cert_der: &[u8],
        data: &[u8],
        signature: &[u8],
        hash: HashAlgorithm,
        algorithm: SignatureAlgorithm,
    ) -> Result<(), dimpl::CryptoError> {
        let base = dimpl::crypto::aws_lc_rs::default_provider().signature_verification;
        base.verify_signature(cert_der, &said(data), signature, hash, algorithm)
    }
}
