//! group_calls
