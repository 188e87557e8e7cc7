//! From inputs to frames: what is sent is decoded again and compared with what was meant.

mod bad_input;
mod clocked;
mod feeds;
mod formats;
mod opus_passthrough;
mod seeking;
mod support;
