//! Call — one assistant's place in the chat's voice chat. The rules are `domain::call`; this performs them.
//!
//! parent   root/chats/{chat} (rest_for_one, before `player`), transient, shutdown 5 s, first restart at once
//! hears    player (join, leave), assistant (answers, rows, endings), its own media connection
//! tells    assistant, player; hands its sender to the media clock
//! survives nothing · loses: the place in the voice chat, which it leaves if it still can

use domain::call::{Audience, Effect, Found, Input, Machine, Refusal, Row, Seat, Style};
use domain::{Attempt, CallId, Fault, Reason};
use group_call::{Connection, ConnectionEvent};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use supervisor::{Backoff, ChildSpec, Context, Door, Handle};
use tokio::time::Instant;

use super::{Place, player};
use crate::call_sink::CallSink;
use crate::requests::Request;
use crate::root::assistants::Assigned;

/// Between two looks for an assistant that is signing in after a restart.
const AWAITED_EVERY: std::time::Duration = std::time::Duration::from_millis(50);
/// Who serves the chat is written down by then, or with the next change.
const NOTED_MAX: std::time::Duration = std::time::Duration::from_secs(4);

pub(crate) enum Msg {
    // commands
    Join,
    /// Back to where an earlier process was.
    Rejoin,
    Leave,
    // answers, each with its attempt
    Assigned {
        attempt: Attempt,
        seat: Option<Seat>,
    },
    Entered {
        attempt: Attempt,
        outcome: Result<(), Fault>,
    },
    Found {
        attempt: Attempt,
        outcome: Result<Option<Found>, Fault>,
        people: Option<u32>,
    },
    Created {
        attempt: Attempt,
        outcome: Result<CallId, Fault>,
    },
    Prepared {
        attempt: Attempt,
        outcome: Result<Box<Connection>, Fault>,
    },
    Answered {
        attempt: Attempt,
        outcome: Result<Answer, Refusal>,
    },
    Applied {
        attempt: Attempt,
        connection: Box<Connection>,
        outcome: Result<(), Fault>,
    },
    Checked {
        attempt: Attempt,
        outcome: Result<bool, Refusal>,
    },
    Connection {
        attempt: Attempt,
        event: ConnectionEvent,
    },
    // news about us
    Row {
        call: CallId,
        row: Row,
    },
    Discarded(CallId),
    Started,
    /// So many are in the voice chat, the assistant among them.
    Counted {
        call: CallId,
        people: u32,
    },
    /// Others came and went.
    Moved {
        call: CallId,
        came: u32,
        went: u32,
    },
    Removed,
    AssistantLost(Fault),
    // time
    Wake,
    /// The assistant that the chat knows was on its way.
    Assign {
        attempt: Attempt,
        not: Vec<Seat>,
    },
}

/// What a join brought.
pub(crate) struct Answer {
    pub(crate) params: String,
    pub(crate) row: Option<Row>,
    pub(crate) people: Option<u32>,
}

pub(crate) struct Args {
    context: Context<Msg>,
    place: Place,
    player: Handle<player::Msg>,
}

pub(crate) struct Call;

pub(crate) struct State {
    context: Context<Msg>,
    place: Place,
    player: Handle<player::Msg>,
    machine: Machine,
    /// The assistant of this chat, for as long as it is in the voice chat.
    assigned: Option<Assigned>,
    /// The one that was found last, until the rules say that it serves.
    next: Option<Assigned>,
    connection: Option<Box<Connection>>,
    /// The join's answer, until it is handed to the connection.
    answer: Option<String>,
    is_flowing: bool,
    audience: Audience,
    started: Instant,
}

pub(crate) fn child_spec(door: Door<Msg>, place: Place, player: Handle<player::Msg>) -> ChildSpec {
    let start =
        move |context| (Call, Args { context, place: place.clone(), player: player.clone() });
    ChildSpec::behind(door, "call", start).transient().backoff(Backoff::FIRST_IMMEDIATE)
}

impl Actor for Call {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { context, place, player } = args;
        place.stream.clear_sink();
        place.sheet.connect(None);
        context.ready();
        Ok(State {
            machine: Machine::new(place.parts.shared.call_settings),
            context,
            place,
            player,
            assigned: None,
            next: None,
            connection: None,
            answer: None,
            is_flowing: false,
            audience: Audience::default(),
            started: Instant::now(),
        })
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Join => state.put(Input::Join),
            Msg::Rejoin => state.put(Input::Rejoin),
            Msg::Leave => state.leave(),
            Msg::Assigned { attempt, seat } => state.put(Input::Assigned { attempt, seat }),
            Msg::Entered { attempt, outcome } => state.put(Input::Entered { attempt, outcome }),
            Msg::Found { attempt, outcome, people } => {
                state.counted(people, false);
                state.put(Input::Found { attempt, outcome });
            }
            Msg::Created { attempt, outcome } => state.put(Input::Created { attempt, outcome }),
            Msg::Prepared { attempt, outcome } => state.prepared(attempt, outcome),
            Msg::Answered { attempt, outcome } => state.answered(attempt, outcome),
            Msg::Applied { attempt, connection, outcome } => {
                state.applied(attempt, connection, outcome)
            }
            Msg::Checked { attempt, outcome } => state.put(Input::Checked { attempt, outcome }),
            Msg::Connection { attempt, event } => state.connection_changed(attempt, event),
            Msg::Row { call, row } => state.row(call, row),
            Msg::Discarded(call) => state.put(Input::Discarded(call)),
            Msg::Started => state.put(Input::Started),
            Msg::Counted { call, people } if state.is_ours(call) => {
                state.counted(Some(people), true);
            }
            Msg::Moved { call, came, went } if state.is_ours(call) => state.moved(came, went),
            Msg::Counted { .. } | Msg::Moved { .. } => {}
            Msg::Removed => state.put(Input::Removed),
            Msg::AssistantLost(fault) => state.put(Input::AssistantLost(fault)),
            Msg::Wake => state.put(Input::Wake),
            Msg::Assign { attempt, not } => state.assign(attempt, &not),
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.leave();
        Ok(())
    }
}

// === impl State: messages ===

impl State {
    fn put(&mut self, input: Input) {
        let now = self.started.elapsed();
        for effect in self.machine.handle(input, now) {
            self.perform(effect);
        }
    }

    fn leave(&mut self) {
        self.put(Input::Leave);
        self.let_go();
    }

    /// Others may have the assistant; what was asked of it, leaving among it, is on its way.
    fn let_go(&mut self) {
        self.assigned = None;
        self.next = None;
    }

    fn prepared(&mut self, attempt: Attempt, outcome: Result<Box<Connection>, Fault>) {
        if attempt != self.machine.attempt() {
            return self.discard(outcome.ok());
        }
        let outcome = outcome.map(|connection| {
            let ssrc = connection.ssrc();
            self.connection = Some(connection);
            ssrc
        });
        self.put(Input::Prepared { attempt, outcome });
    }

    fn answered(&mut self, attempt: Attempt, outcome: Result<Answer, Refusal>) {
        if let Ok(Answer { people, .. }) = &outcome {
            self.counted(*people, true);
        }
        let outcome = outcome.map(|Answer { params, row, .. }| {
            self.answer = Some(params);
            row
        });
        self.put(Input::Answered { attempt, outcome });
    }

    fn applied(
        &mut self,
        attempt: Attempt,
        connection: Box<Connection>,
        outcome: Result<(), Fault>,
    ) {
        if attempt != self.machine.attempt() {
            return self.discard(Some(connection));
        }
        self.connection = Some(connection);
        if let Err(fault) = outcome {
            return self.put(Input::Lost { attempt, fault });
        }
        // the connection may have come up before it came back from its task
        if self.is_flowing {
            self.flow(true);
        }
    }

    fn row(&mut self, call: CallId, row: Row) {
        if self.is_ours(call) {
            self.put(Input::Row(row));
        }
    }

    fn is_ours(&self, call: CallId) -> bool {
        self.machine.call().is_some_and(|ours| ours.id == call.id)
    }

    fn counted(&mut self, people: Option<u32>, is_in: bool) {
        let Some(people) = people else { return };
        self.audience.told(people, is_in);
        self.place.keep.count(self.audience.others());
    }

    fn moved(&mut self, came: u32, went: u32) {
        self.audience.moved(came, went);
        self.place.keep.count(self.audience.others());
    }

    fn connection_changed(&mut self, attempt: Attempt, event: ConnectionEvent) {
        match event {
            ConnectionEvent::Connected => {
                tracing::info!(chat = %self.place.chat, %attempt, "in the voice chat");
                self.put(Input::Connected { attempt });
            }
            ConnectionEvent::Lost(fault) => {
                tracing::warn!(chat = %self.place.chat, %attempt, %fault, "voice connection lost");
                self.put(Input::Lost { attempt, fault });
            }
            ConnectionEvent::Closed => {
                let fault = Fault::transient(
                    Reason::CallUnreachable,
                    "the media server closed the connection",
                );
                tracing::warn!(chat = %self.place.chat, %attempt, %fault, "voice connection lost");
                self.put(Input::Lost { attempt, fault });
            }
            // video constraints and debug words; nothing that audio needs
            ConnectionEvent::ServerMessage(_) => {}
        }
    }
}

// === impl State: effects ===

impl State {
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Assign { attempt, not } => self.assign(attempt, &not),
            Effect::Switch => self.assigned = self.next.take(),
            Effect::Enter { attempt } => self.ask(Request::Enter {
                attempt,
                chat: self.place.chat,
                username: self.place.username.clone(),
            }),
            Effect::Find { attempt } => {
                self.ask(Request::Find { attempt, chat: self.place.chat });
            }
            Effect::Create { attempt } => {
                self.ask(Request::Create { attempt, chat: self.place.chat });
            }
            Effect::Prepare { attempt, style } => self.prepare(attempt, style),
            Effect::Join { attempt, call } => self.join_call(attempt, call),
            Effect::Apply { attempt } => self.apply(attempt),
            Effect::Unmute { call } => self.ask(Request::Unmute { call }),
            Effect::Check { attempt, call, ssrc } => {
                self.ask(Request::Check { attempt, call, ssrc })
            }
            Effect::Quit { call, ssrc } => self.ask(Request::Quit { call, ssrc }),
            Effect::Close => self.close(),
            Effect::Flow(is_flowing) => self.flow(is_flowing),
            Effect::Tell(line) => self.tell(line),
            Effect::WakeAt(at) => {
                let wait = at.saturating_sub(self.started.elapsed());
                self.context.tasks().send_after(wait, Msg::Wake);
            }
        }
    }

    fn assign(&mut self, attempt: Attempt, not: &[Seat]) {
        let roster = &self.place.parts.shared.roster;
        if roster.is_awaited(self.place.chat, not) {
            let again = Msg::Assign { attempt, not: not.to_vec() };
            self.context.tasks().send_after(AWAITED_EVERY, again);
            return;
        }
        self.next = roster.assign(self.place.chat, self.context.handle(), not);
        if let Some(change) = self.next.as_mut().and_then(|assigned| assigned.change.take()) {
            let shelf = self.place.parts.shared.shelf.clone();
            self.context.tasks().spawn_quiet(async move {
                if let Err(fault) = shelf.commit(vec![change], NOTED_MAX).await {
                    tracing::debug!(%fault, "who serves the chat was not written down");
                }
            });
        }
        let seat = self.next.as_ref().map(|assigned| assigned.seat);
        // through the mailbox: the rules are in the middle of an input
        self.context.tell_self(Msg::Assigned { attempt, seat });
    }

    fn ask(&self, request: Request) {
        if let Some(assigned) = &self.assigned {
            assigned.ask(request, self.context.handle());
        }
    }

    fn prepare(&self, attempt: Attempt, style: Style) {
        let transport = self.place.parts.shared.transport.clone();
        let style = match style {
            Style::Native => group_call::Style::Native,
            Style::Web => group_call::Style::Web,
        };
        self.context.tasks().spawn(async move {
            let outcome = transport.prepare(style).await.map(Box::new);
            Msg::Prepared { attempt, outcome }
        });
    }

    fn join_call(&self, attempt: Attempt, call: CallId) {
        let Some(params) = self.connection.as_ref().map(|connection| connection.payload()) else {
            return;
        };
        self.ask(Request::Join { attempt, call, params });
    }

    fn apply(&mut self, attempt: Attempt) {
        let (Some(mut connection), Some(answer)) = (self.connection.take(), self.answer.take())
        else {
            return;
        };
        let heard = self.context.handle();
        self.context.tasks().spawn(async move {
            let on_event = move |event| {
                let _missed = heard.send(Msg::Connection { attempt, event }).is_err();
            };
            let outcome = connection.apply(&answer, on_event).await.map_err(Fault::from);
            Msg::Applied { attempt, connection, outcome }
        });
    }

    fn close(&mut self) {
        self.answer = None;
        self.place.stream.clear_sink();
        self.place.sheet.connect(None);
        let connection = self.connection.take();
        self.discard(connection);
    }

    /// Says goodbye to the media server; a connection that is merely dropped would keep it waiting.
    fn discard(&self, connection: Option<Box<Connection>>) {
        if let Some(connection) = connection {
            self.context.tasks().finish(async move { connection.close().await });
        }
    }

    /// Hands the connection's sender to the clock, or takes it back; without it the position holds.
    fn flow(&mut self, is_flowing: bool) {
        self.is_flowing = is_flowing;
        let sender = self.connection.as_ref().filter(|_| is_flowing).map(|one| one.sender());
        self.place.sheet.connect(sender.clone());
        match sender {
            Some(sender) => self.place.stream.set_sink(Box::new(CallSink(sender))),
            None => self.place.stream.clear_sink(),
        }
    }

    fn tell(&mut self, line: domain::player::Line) {
        if let domain::player::Line::Failed(fault) = &line {
            tracing::warn!(chat = %self.place.chat, %fault, "voice chat given up");
            self.let_go();
        }
        if let Err(undelivered) = self.player.send(player::Msg::Call(line)) {
            tracing::debug!(chat = %self.place.chat, ?undelivered, "the player did not hear of the call");
        }
    }
}
