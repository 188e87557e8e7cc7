//! The living tree, on a paused clock: what each chapter says is what the tree does.

mod backoff;
mod dynamic;
mod failures;
mod handles;
mod intensity;
mod kills;
mod lab;
mod levels;
mod logs;
mod machine;
mod model;
mod order;
mod orders;
mod orphans;
mod otp;
mod scripts;
mod snapshot;
mod strategies;
mod tasks;
