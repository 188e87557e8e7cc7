//! group-call
