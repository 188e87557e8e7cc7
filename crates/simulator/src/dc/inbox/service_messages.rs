//! Service messages — what a client says to the server itself (core.telegram.org/mtproto/service_messages).

use std::time::Duration;

use tokio::time::Instant;

use super::{Effect, MSGS_STATE_INFO, Turn};
use crate::dc::session::Seen;
use crate::dc::state::At;
use crate::dc::tl::{Malformed, PONG, Put, rpc_result};

const FUTURE_SALTS: u32 = 0xae50_0895;
const RPC_ANSWER_UNKNOWN: u32 = 0x5e2a_d36e;
const RPC_ANSWER_DROPPED_RUNNING: u32 = 0xcd78_e586;
const DESTROY_SESSION_OK: u32 = 0xe220_45fc;
const DESTROY_SESSION_NONE: u32 = 0x62d3_50c9;

impl Turn<'_> {
    pub(super) fn ping(&mut self, id: i64, ping: i64, delay: Option<i32>) -> Result<(), Malformed> {
        self.state.stats.pings += 1;
        if let (Some(delay), Some(link)) = (delay, self.state.links.get_mut(&self.link)) {
            link.deadline =
                Some(Instant::now() + Duration::from_secs(delay.clamp(0, 86_400) as u64));
        }
        self.reply(Vec::new().put_id(PONG).put_i64(id).put_i64(ping));
        Ok(())
    }

    pub(super) fn future_salts(&mut self, id: i64, n: i32) -> Result<(), Malformed> {
        let salts = self.state.future_salts(self.at.key, i64::from(n.clamp(1, 64)));
        let body = Vec::new().put_id(FUTURE_SALTS).put_i64(id).put_i32(self.state.clock().0 as i32);
        let body =
            salts.iter().fold(body.put_i32(salts.len() as i32), |body, (since, until, salt)| {
                body.put_i32(*since as i32).put_i32(*until as i32).put_i64(*salt)
            });
        self.reply(body);
        Ok(())
    }

    /// One byte each: 1 nothing known, 2 not received, 4 received; 8 acknowledged, 64 answered.
    pub(super) fn states(&mut self, id: i64, asked: &[i64]) -> Result<(), Malformed> {
        let session = self.state.session(self.at);
        let info: Vec<u8> = asked
            .iter()
            .map(|id| match session.seen(*id) {
                Some(Seen::Answered(_)) => 4 | 8 | 64,
                Some(_) => 4 | 8,
                None if session.is_forgotten(*id) => 1,
                None => 2,
            })
            .collect();
        self.reply(Vec::new().put_id(MSGS_STATE_INFO).put_i64(id).put_bytes(&info));
        Ok(())
    }

    /// Repeats kept answers; for everything else the client learns the state.
    pub(super) fn resend(&mut self, id: i64, asked: &[i64]) -> Result<(), Malformed> {
        for wanted in asked {
            let session = self.state.session(self.at);
            let request = session.unacked.get(wanted).copied().flatten();
            let kept = request.and_then(|request| session.seen(request).cloned());
            if let (Some(request), Some(Seen::Answered(result))) = (request, kept) {
                self.state.deliver(self.at, Some(self.link), request, result);
            }
        }
        self.states(id, asked)
    }

    pub(super) fn drop_answer(&mut self, id: i64, request: i64) -> Result<(), Malformed> {
        let session = self.state.session(self.at);
        let is_running = matches!(session.seen(request), Some(Seen::Running));
        if is_running {
            session.remember(request, Seen::Dropped);
        }
        let outcome = if is_running { RPC_ANSWER_DROPPED_RUNNING } else { RPC_ANSWER_UNKNOWN };
        self.reply(rpc_result(id, &outcome.to_le_bytes()));
        Ok(())
    }

    pub(super) fn destroy_session(&mut self, session: i64) -> Result<(), Malformed> {
        let doomed = At { session, ..self.at };
        let exists = session != self.at.session && self.state.sessions.contains_key(&doomed);
        if exists {
            let gone = self.state.drop_session(doomed);
            self.effects.extend(gone.map(Effect::Disconnected));
        }
        let outcome = if exists { DESTROY_SESSION_OK } else { DESTROY_SESSION_NONE };
        self.reply(Vec::new().put_id(outcome).put_i64(session));
        Ok(())
    }
}
