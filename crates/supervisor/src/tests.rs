//! The living tree, on a paused clock: what each chapter says is what the tree does.

mod backoff;
mod dynamic;
mod failures;
mod handles;
mod intensity;
mod lab;
mod machine;
mod order;
mod otp;
mod scripts;
mod snapshot;
mod strategies;
mod tasks;
