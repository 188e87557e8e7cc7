//! The living tree: roles that hold the parts in their hands.

pub mod speech;
