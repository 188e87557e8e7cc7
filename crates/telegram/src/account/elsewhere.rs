//! Other data centres than home, where files may be: they know a login once it is introduced to them
//! (core.telegram.org/api/datacenter).

use domain::{Class, Fault, Reason};
use grammers_client::tl;

use super::{Account, Stage};
use crate::fault::CallError;

/// An exported login is good for a short while; one that came too late is exported again.
const INTRODUCTIONS_MAX: u32 = 2;

impl Account {
    /// One request to the data centre that serves it, which is told of this login if it does not know it yet, or not any
    /// more. Keys outlive this process there, so that asking first is the shortest way.
    pub(crate) async fn call_at<R: tl::RemoteCall>(
        &self,
        dc: i32,
        request: &R,
    ) -> Result<R::Return, CallError> {
        if dc == self.home() {
            return self.call(request).await;
        }
        let before = self.introduced().lock().await.get(&dc).copied().unwrap_or_default();
        let is_stranger = |error: &CallError| error.rpc.as_ref().is_some_and(|rpc| rpc.code == 401);
        let answer = match self.probe(dc, request).await {
            Err(error) if is_stranger(&error) => {
                tracing::debug!(dc, %error, "introducing this login");
                self.introduce_to(dc, before).await?;
                self.probe(dc, request).await
            }
            answer => answer,
        };
        answer.map_err(|error| self.seen_from_home(dc, error))
    }

    /// Makes this login known to another data centre, unless somebody did since it was introduced for the last time.
    async fn introduce_to(&self, dc: i32, before: u32) -> Result<(), CallError> {
        let mut introduced = self.introduced().lock().await;
        let times = introduced.entry(dc).or_default();
        if *times != before {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            let export = tl::functions::auth::ExportAuthorization { dc_id: dc };
            let tl::enums::auth::ExportedAuthorization::Authorization(exported) =
                self.call(&export).await?;
            let tl::types::auth::ExportedAuthorization { id, bytes } = exported;
            let import = tl::functions::auth::ImportAuthorization { id, bytes };
            tries += 1;
            match self.probe(dc, &import).await {
                Ok(_) => break,
                Err(error) if error.is("AUTH_BYTES_INVALID") && tries < INTRODUCTIONS_MAX => {}
                Err(error) => return Err(self.seen_from_home(dc, error)),
            }
        }
        *times += 1;
        Ok(())
    }

    /// What another data centre says of this login, and a key that cannot be agreed upon with it, is no word about the
    /// login: home alone decides that.
    fn seen_from_home(&self, dc: i32, error: CallError) -> CallError {
        let is_over = matches!(&*self.stage().borrow(), Stage::Lost(_));
        if is_over || !(error.fault.class == Class::Fatal || error.is("AUTH_BYTES_INVALID")) {
            return error;
        }
        let detail = format!("data centre {dc}: {}", error.fault.detail);
        let fault = Fault::transient(Reason::TelegramUnreachable, detail);
        CallError { fault, ..error }
    }
}
