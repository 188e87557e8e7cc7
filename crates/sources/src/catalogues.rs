//! Catalogues: services that know what a link is called, and give no sound. What they name is looked for elsewhere.

pub mod apple;
pub mod deezer;
pub mod spotify;
pub mod youtube;
