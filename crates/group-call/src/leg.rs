//! One connection at work: a single task on the reactor that brings it up, feeds it, watches it and ends it.
//!
//! Native style runs on [`crate::native`], web style on webrtc's peer connection ([`crate::stack`]).

mod watch;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::fault::{Fault, Reason};
use tokio::sync::oneshot;
use tokio::time::timeout;
use webrtc::runtime::Runtime;

use crate::answer::Answer;
use crate::connection::{AnswerFault, ConnectionEvent, State};
use crate::ears::Ears;
use crate::native::Native;
use crate::pump::{Press, pump};
use crate::queue::Outlet;
use crate::reactor::ConnectionRuntime;
use crate::shared::Shared;
use crate::signals::Signals;
use crate::socket::{Route, Tap, routes};
use crate::stack::{Identity, Stack, bring_up};
use crate::transport::Settings;
use crate::wire::Switch;
use watch::{End, Watch};

/// Local work only: binding sockets, reading descriptions.
const BRING_UP_DEADLINE: Duration = Duration::from_secs(5);
/// For close_notify to reach the socket.
const GOODBYE_DEADLINE: Duration = Duration::from_secs(1);
/// Longer texts from the server are not passed on.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// What a client that wants no video says when its data channel opens (colibri, as native clients send it).
pub(crate) const NO_VIDEO: &str = concat!(
    r#"{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":0},"#,
    r#""constraints":{},"onStageEndpoints":[]}"#
);

pub(crate) type OnEvent = Arc<dyn Fn(ConnectionEvent) + Send + Sync>;

/// Everything a leg starts with.
pub(crate) struct Leg {
    pub(crate) setup: Setup,
    pub(crate) way: Way,
}

/// What frames come by; the style's choice.
pub(crate) enum Way {
    /// Native style: they leave by themselves, the leg only throws the switch.
    Wire(Switch),
    /// Web style: the leg carries them to webrtc.
    Queue(Outlet),
}

/// The part of it that both styles look at.
pub(crate) struct Setup {
    pub(crate) identity: Identity,
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) reactor: tokio::runtime::Handle,
}

// === impl Leg ===

impl Leg {
    /// Runs to the end; `accepted` hears first whether the answer could be used. `asked` resolves when the owner wants it
    /// to end, which includes that the owner is gone.
    pub(crate) async fn run(
        self,
        answer: Answer,
        on_event: OnEvent,
        accepted: oneshot::Sender<Result<(), AnswerFault>>,
        asked: oneshot::Receiver<()>,
    ) {
        let Leg { setup, way } = self;
        let shared = Arc::clone(&setup.shared);
        let routes = routes(answer.candidates.iter().map(|candidate| candidate.address));
        let started = if routes.is_empty() {
            Err(AnswerFault::NoCandidate(format!("no route to any of {}", answer.candidates.len())))
        } else {
            match way {
                Way::Wire(switch) => setup.start_native(&answer, &routes, &on_event, switch),
                Way::Queue(outlet) => setup.start_web(&answer, routes, outlet).await,
            }
        };
        let started = match started {
            Ok(started) => started,
            Err(fault) => {
                shared.set_state(State::Lost);
                return report(accepted, Err(fault));
            }
        };
        report(accepted, Ok(()));
        let Setup { identity, settings, signals, .. } = setup;
        let ssrc = identity.credentials.ssrc;
        let mut watch = Watch { settings, shared, signals, web: None, tap: None };
        match started {
            Started::Native(mut native) => {
                let end = tokio::select! {
                    biased;
                    _ = asked => End::Asked,
                    end = watch.run(&on_event) => end,
                    () = native.drive() => driver_died(),
                };
                watch.announce(end, &on_event);
                native.close();
            }
            Started::Web(stack, driver_gone, outlet, tap) => {
                let track = Arc::clone(&stack.track) as Arc<_>;
                watch.web = Some(stack);
                watch.tap = Some(tap);
                let end = tokio::select! {
                    biased;
                    _ = asked => End::Asked,
                    end = watch.run(&on_event) => end,
                    () = pump(outlet, Press::new(ssrc, &answer), track, Arc::clone(&watch.shared)) => driver_died(),
                    () = watch.converse(&on_event) => driver_died(),
                    _ = driver_gone => driver_died(),
                };
                watch.announce(end, &on_event);
                in_time(watch.close_web()).await;
            }
        }
    }
}

// === impl Setup ===

impl Setup {
    fn start_native(
        &self,
        answer: &Answer,
        routes: &[Route],
        on_event: &OnEvent,
        switch: Switch,
    ) -> Result<Started, AnswerFault> {
        let native = Native::new(self, answer, routes, Arc::clone(on_event), switch);
        native
            .map(|native| Started::Native(Box::new(native)))
            .map_err(|fault| AnswerFault::Stack(fault.to_string()))
    }

    async fn start_web(
        &self,
        answer: &Answer,
        routes: Vec<Route>,
        outlet: Outlet,
    ) -> Result<Started, AnswerFault> {
        let mut locals: Vec<_> = routes.iter().map(|route| (route.local, 0).into()).collect();
        locals.sort_unstable();
        locals.dedup();
        let signals = Arc::clone(&self.signals);
        let tap = Arc::new(Tap::new(Arc::clone(&self.shared), Arc::clone(&signals), routes));
        let (runtime, driver_gone) = ConnectionRuntime::new(self.reactor.clone(), Arc::clone(&tap));
        let runtime: Arc<dyn Runtime> = Arc::new(runtime);
        let ears = Ears::new(self.identity.credentials.ssrc, Arc::clone(&self.shared));
        let bring_up =
            bring_up(&self.identity, &self.settings, answer, locals, runtime, signals, ears);
        match timeout(BRING_UP_DEADLINE, bring_up).await {
            Ok(Ok(stack)) => Ok(Started::Web(stack, driver_gone, outlet, tap)),
            Ok(Err(fault)) => Err(AnswerFault::Stack(fault.to_string())),
            Err(_) => Err(AnswerFault::Stack("did not start in time".into())),
        }
    }
}

/// A connection that is on its way up, and for webrtc what resolves when its driver is gone.
enum Started {
    Native(Box<Native>),
    Web(Stack, oneshot::Receiver<()>, Outlet, Arc<Tap>),
}

/// Goodbyes are not waited for longer than a moment.
async fn in_time(goodbye: impl Future<Output = ()>) {
    if timeout(GOODBYE_DEADLINE, goodbye).await.is_err() {
        tracing::debug!("the connection did not close in time; it is dropped");
    }
}

fn driver_died() -> End {
    End::Lost(Fault::transient(Reason::Internal, "the media connection stopped by itself"))
}

fn report(accepted: oneshot::Sender<Result<(), AnswerFault>>, result: Result<(), AnswerFault>) {
    if accepted.send(result).is_err() {
        tracing::debug!("nobody waits for the answer any more");
    }
}
