//! ear
