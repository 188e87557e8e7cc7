//! Player — one chat's queue, and what sounds now. The rules are `domain::player`; this performs them.
//!
//! parent   root/chats/{chat} (rest_for_one, after `call`), transient, shutdown 5 s, first restart at once
//! hears    bot (commands), resolver (answers), the media engine (ready, drained, failed), call (joined, held, failed)
//! tells    resolver, call, bot (events)
//! survives queue, track and position, in the chat's keep · loses: the seconds decoded ahead, the input it died of

use std::time::Duration;

use domain::callback::Generation;
use domain::event::{Event, Via};
use domain::player::{Effect, Input, Line, Phase, Player as Rules};
use domain::timeline::Timeline;
use domain::track::{Requester, Track};
use domain::{Attempt, Fault, MessageId};
use media::{PipelineEvent, Position, StreamEvent};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use supervisor::{Backoff, ChildSpec, Context, Door, Handle, Undelivered};

use super::{Place, call};
use crate::desk::why::Failure;
use crate::feeding::Opened;
use crate::given::Given;
use crate::journal::{Journal, Word};
use crate::keep::Kept;
use crate::loading::Loading;
use crate::resolving::{Finding, Told};
use crate::root::bot;
use crate::seeker::Seeker;

pub(crate) enum Msg {
    // commands
    Input(Given),
    // answers, each with its attempt
    Resolved {
        attempt: Attempt,
        asked: String,
        told: Box<Told<Finding>>,
    },
    More {
        asked: String,
        requester: Requester,
        asked_in: MessageId,
        told: Box<Told<Finding>>,
    },
    Opened {
        attempt: Attempt,
        asked: String,
        told: Box<Told<Opened>>,
    },
    Pipeline {
        attempt: Attempt,
        event: PipelineEvent,
    },
    Titled {
        attempt: Attempt,
        title: String,
    },
    Stream(StreamEvent),
    // news
    Call(Line),
    /// What an earlier process left in this chat was found.
    Earlier,
    /// What was written is safe, or could not be.
    Committed(u64),
    // time
    Lingered(Attempt),
    Overdue(Attempt),
    Tick,
}

pub(crate) struct Args {
    context: Context<Msg>,
    place: Place,
    call: Handle<call::Msg>,
}

pub(crate) struct Player;

pub(crate) struct State {
    context: Context<Msg>,
    place: Place,
    call: Handle<call::Msg>,
    rules: Rules,
    generation: Generation,
    /// The track that is being opened or plays, and what keeps its bytes coming.
    loading: Option<Loading>,
    is_attached: bool,
    journal: Journal,
    seeker: Seeker,
}

pub(crate) fn child_spec(door: Door<Msg>, place: Place, call: Handle<call::Msg>) -> ChildSpec {
    let start = move |context| (Player, Args { context, place: place.clone(), call: call.clone() });
    ChildSpec::behind(door, "player", start).transient().backoff(Backoff::FIRST_IMMEDIATE)
}

impl Actor for Player {
    type Msg = Msg;
    type State = State;
    type Arguments = Args;

    async fn pre_start(&self, _: ActorRef<Msg>, args: Args) -> Result<State, ActorProcessingErr> {
        let Args { context, place, call } = args;
        let settings = &place.parts.shared.settings;
        // whatever an earlier life played is not this one's business
        let heard = place.stream.position();
        place.stream.detach();
        place.stream.resume();
        context.tasks().every(settings.refresh, || Msg::Tick);
        let rules = Rules::new(settings.player);
        place.sheet.show(&rules);
        let generation = Generation(rand::random());
        let kept = place.keep.take_up();
        let seeker = Seeker::new(context.clone(), &place.parts.shared);
        let mut state = State {
            context,
            place,
            call,
            rules,
            generation,
            loading: None,
            is_attached: false,
            journal: Journal::default(),
            seeker,
        };
        if let Some(kept) = kept {
            state.go_on(kept, heard);
        }
        state.take_in();
        state.context.ready();
        Ok(state)
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        message: Msg,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            Msg::Input(given) => state.command(*given.read()),
            Msg::Resolved { attempt, asked, told } => state.resolved(attempt, asked, *told),
            Msg::More { asked, requester, asked_in, told } => {
                state.more_came(asked, requester, asked_in, *told)
            }
            Msg::Opened { attempt, asked, told } => state.opened(attempt, asked, *told),
            Msg::Pipeline { attempt, event } => state.pipeline_changed(attempt, event),
            Msg::Titled { attempt, title } => state.titled(attempt, title),
            Msg::Stream(event) => state.stream_changed(event),
            Msg::Committed(commit) => state.committed(commit),
            Msg::Earlier => state.take_in(),
            Msg::Call(line) => state.put(Input::Call(line)),
            Msg::Overdue(attempt) => state.put(Input::Overdue { attempt }),
            Msg::Lingered(attempt) => state.put(Input::Lingered { attempt }),
            Msg::Tick => {
                state.put(Input::Tick);
                let position = state.position();
                state.seeker.prepare(&state.rules, position);
            }
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Msg>,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let last = state.place.keep.end(state.position());
        state.commit_last(last);
        state.place.stream.detach();
        Ok(())
    }
}

// === impl State: messages ===

impl State {
    /// What somebody commanded is obeyed once, however often it is told.
    fn command(&mut self, input: Input) {
        let via = input.via().filter(|_| self.rules.phase() != Phase::Stopping);
        if via.is_some_and(|via| !self.place.keep.is_new(via)) {
            tracing::debug!(chat = %self.place.chat, ?via, "obeyed already");
            return self.say(Word::Settled(via.expect("it was looked at")));
        }
        let position = self.position();
        let effects = self.rules.handle(input, position);
        self.perform_after(via, effects, position);
    }

    /// Puts one input into the rules and performs what they say.
    fn put(&mut self, input: Input) {
        let position = self.position();
        let effects = self.rules.handle(input, position);
        self.perform_all(effects, position);
    }

    /// Takes up what an earlier life left; `heard` is how far the media clock had come.
    fn go_on(&mut self, kept: Kept, heard: Option<Position>) {
        let attempt = kept.rules.current_attempt();
        let position =
            heard.filter(|at| Some(at.attempt) == attempt).map_or(kept.position, |at| at.at);
        self.rules = kept.rules;
        self.generation = kept.generation;
        let effects = self.rules.revive(kept.end, position);
        tracing::info!(chat = %self.place.chat, position_ms = position.as_millis() as u64, "player goes on");
        self.perform_all(effects, position);
    }

    /// One that is ending leaves it to the next.
    fn take_in(&mut self) {
        if self.rules.phase() != Phase::Stopping
            && let Some(earlier) = self.place.keep.take_earlier()
        {
            tracing::info!(chat = %self.place.chat, "the earlier queue is back");
            self.put(Input::Earlier(Box::new(earlier)));
        }
    }

    /// What the rules came to is kept before anything of it is done: a crash in the middle is repeated, not forgotten.
    fn perform_all(&mut self, effects: Vec<Effect>, position: Duration) {
        self.perform_after(None, effects, position);
    }

    /// The same, for the command that led to it. The music does not wait for the disk; words do.
    fn perform_after(&mut self, via: Option<Via>, effects: Vec<Effect>, position: Duration) {
        let Place { keep, username, .. } = &self.place;
        if effects.iter().any(|effect| matches!(effect, Effect::Tell(Event::Stopped { .. }))) {
            keep.stopped();
        }
        keep.put(&self.rules, self.generation, position);
        let writes = keep.note(via, username.as_deref(), &self.rules, self.generation, position);
        self.place.sheet.show(&self.rules);
        let is_waiting = !writes.is_empty() && self.commit(writes);
        for effect in effects {
            match effect {
                Effect::Tell(event) => self.hold(is_waiting, Word::Event(Box::new(event))),
                effect => self.perform(effect),
            }
        }
        if let Some(via) = via {
            self.hold(is_waiting, Word::Settled(via));
        }
    }

    /// Writes it down; whether there is anything to wait for.
    fn commit(&mut self, writes: Vec<storage::Write>) -> bool {
        let Place { parts, keep, .. } = &self.place;
        self.journal.commit(writes, &parts.shared.shelf, keep, &self.context, Msg::Committed)
    }

    fn committed(&mut self, commit: u64) {
        for word in self.journal.done(commit) {
            self.say(word);
        }
    }

    /// What nobody will bring back as a message any more.
    fn commit_last(&mut self, last: Vec<storage::Write>) {
        for word in self.journal.rest() {
            self.say(word);
        }
        if !last.is_empty() {
            self.commit(last);
        }
    }

    fn hold(&mut self, is_waiting: bool, word: Word) {
        if let Some(word) = self.journal.hold(is_waiting, word) {
            self.say(word);
        }
    }

    fn say(&self, word: Word) {
        match word {
            Word::Event(event) => self.tell(*event),
            Word::Settled(via) => {
                self.tell_bot(bot::Msg::Settled { chat: self.place.chat, via });
            }
        }
    }

    /// The answer to a look-up; the rest of a list is asked for as long as there is room.
    fn resolved(&mut self, attempt: Attempt, asked: String, told: Told<Finding>) {
        let by = self.rules.asked_by(attempt).map(|(by, asked_in)| (by.clone(), asked_in));
        let Told { outcome, timeline } = told;
        match outcome {
            Ok(Finding { tracks, rest }) => {
                self.put(Input::Resolved { attempt, outcome: Ok(tracks) });
                if let Some((requester, asked_in)) = by {
                    self.seeker.more(&self.rules, rest, asked, requester, asked_in);
                }
            }
            Err(fault) => {
                if by.is_some() {
                    self.went_wrong(asked, &fault, timeline);
                }
                self.put(Input::Resolved { attempt, outcome: Err(fault) });
            }
        }
    }

    /// The next page of a list.
    fn more_came(
        &mut self,
        asked: String,
        requester: Requester,
        asked_in: MessageId,
        told: Told<Finding>,
    ) {
        match told.outcome {
            Ok(Finding { tracks, rest }) => {
                self.put(Input::More { requester: requester.clone(), asked_in, tracks });
                self.seeker.more(&self.rules, rest, asked, requester, asked_in);
            }
            Err(fault) => {
                tracing::debug!(chat = %self.place.chat, %fault, "the rest of a list did not come");
                self.went_wrong(asked, &fault, told.timeline);
            }
        }
    }

    /// The bytes are on their way (or are not): start to decode.
    fn opened(&mut self, attempt: Attempt, asked: String, told: Told<Opened>) {
        let Told { outcome, timeline } = told;
        if let (Err(fault), Some(_)) =
            (&outcome, self.loading.as_ref().filter(|loading| loading.attempt == attempt))
        {
            self.went_wrong(asked, fault, timeline);
        }
        let Some(loading) = self.loading.as_mut().filter(|loading| loading.attempt == attempt)
        else {
            return;
        };
        match outcome {
            Ok(opened) => loading.decode(&self.context, &self.place.parts, opened),
            Err(fault) => self.put(Input::Broken { attempt, fault }),
        }
    }

    fn pipeline_changed(&mut self, attempt: Attempt, event: PipelineEvent) {
        match event {
            PipelineEvent::Ready(ready) => {
                tracing::info!(chat = %self.place.chat, codec = ready.codec, passthrough = ready.is_passthrough, ffmpeg = ready.is_ffmpeg, "track opened");
                self.put(Input::Loaded { attempt, duration: ready.duration });
            }
            // once it sounds, the stream tells the end, after what was produced was heard
            PipelineEvent::Failed(fault) if !self.is_attached => {
                self.put(Input::Broken { attempt, fault })
            }
            PipelineEvent::Failed(fault) => {
                tracing::warn!(chat = %self.place.chat, %fault, "track broke off")
            }
        }
    }

    /// A station named its song; it is the station that stays in the queue.
    fn titled(&mut self, attempt: Attempt, title: String) {
        if self.rules.current_attempt() == Some(attempt) {
            self.hold(false, Word::Event(Box::new(Event::Titled { attempt, title })));
        }
    }

    fn stream_changed(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::Started { attempt } => {
                tracing::debug!(chat = %self.place.chat, %attempt, "first frame sent")
            }
            StreamEvent::Drained { attempt, played } => {
                self.put(Input::Drained { attempt, played })
            }
            StreamEvent::Failed { attempt, fault, .. } => {
                self.put(Input::Broken { attempt, fault })
            }
            StreamEvent::SinkLost => {
                tracing::debug!(chat = %self.place.chat, "the call takes no frames")
            }
        }
    }

    fn position(&self) -> Duration {
        let current = self.rules.current_attempt();
        self.place
            .stream
            .position()
            .filter(|at| Some(at.attempt) == current)
            .map(|at| at.at)
            // not on the clock yet: where it will begin
            .or_else(|| self.loading.as_ref().map(|loading| loading.from))
            .unwrap_or_default()
    }
}

// === impl State: effects ===

impl State {
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Resolve { attempt, request } => self.seeker.resolve(attempt, request),
            // the answer will carry a number that nobody waits for
            Effect::Forget { .. } => {}
            Effect::Join => self.tell_call(call::Msg::Join),
            Effect::Rejoin => self.tell_call(call::Msg::Rejoin),
            Effect::Leave => self.tell_call(call::Msg::Leave),
            Effect::Load { attempt, track, from } => self.load(attempt, track, from),
            Effect::Start { attempt } => self.start(attempt),
            Effect::Unload { attempt } => self.unload(attempt),
            Effect::Hold => self.place.stream.pause(),
            Effect::Release => self.place.stream.resume(),
            Effect::Linger { attempt, wait } => {
                self.context.tasks().send_after(wait, Msg::Lingered(attempt));
            }
            Effect::Tell(event) => self.hold(false, Word::Event(Box::new(event))),
            Effect::GiveBack(input) => self.tell_bot(bot::Msg::Again {
                chat: self.place.chat,
                username: self.place.username.clone(),
                input,
            }),
            Effect::Finish => {
                self.place.keep.finish();
                self.place.parts.ends.finish(self.place.chat);
            }
        }
    }

    /// For whoever asks why.
    fn went_wrong(&self, asked: String, fault: &Fault, timeline: Timeline) {
        let failure = Failure { asked, fault: fault.clone(), timeline };
        self.tell_bot(bot::Msg::WentWrong { chat: self.place.chat, failure: Box::new(failure) });
    }

    fn load(&mut self, attempt: Attempt, track: Track, from: Duration) {
        let parts = &self.place.parts;
        self.loading = Some(Loading::open(&self.context, parts, attempt, track, from));
        self.is_attached = false;
    }

    fn start(&mut self, attempt: Attempt) {
        let loading = self.loading.as_mut().filter(|loading| loading.attempt == attempt);
        let Some(pipeline) = loading.and_then(|loading| loading.pipeline.take()) else { return };
        self.place.stream.attach(attempt, pipeline);
        self.is_attached = true;
    }

    fn unload(&mut self, attempt: Attempt) {
        let Some(loading) = self.loading.take_if(|loading| loading.attempt == attempt) else {
            return;
        };
        loading.abort();
        if self.is_attached {
            self.place.stream.detach();
            self.is_attached = false;
        }
    }

    fn tell_call(&self, message: call::Msg) {
        if let Err(undelivered) = self.call.send(message) {
            tracing::warn!(chat = %self.place.chat, ?undelivered, "the call did not hear its player");
        }
    }

    fn tell(&self, event: Event) {
        self.tell_bot(bot::Msg::Event {
            chat: self.place.chat,
            generation: self.generation,
            event: Box::new(event),
        });
    }

    fn tell_bot(&self, message: bot::Msg) {
        match self.place.parts.shared.bot.send(message) {
            Ok(()) => {}
            // it ends before us, and its own end is told by whoever supervises it
            Err(Undelivered::Down(_)) => {
                tracing::debug!(chat = %self.place.chat, "the bot is away and does not hear of an event")
            }
            Err(undelivered) => {
                tracing::warn!(chat = %self.place.chat, ?undelivered, "the bot did not hear of an event")
            }
        }
    }
}
