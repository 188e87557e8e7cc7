//! Puts the clock before all ordinary threads, where the system permits it.
//!
//! A frame that leaves late is heard or not, but a clock that stands in line behind encoders is late for every stream at
//! once. It sleeps nearly all the time, so nobody suffers from its haste.

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// For the calling thread: the lowest real-time priority. It takes CAP_SYS_NICE or a limit (RLIMIT_RTPRIO) of at least 1.
pub(super) fn raise() {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let raised = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
    if let Err(error) = raised {
        tracing::debug!(?error, "the clock keeps its ordinary priority");
    }
}
