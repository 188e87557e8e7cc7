//! Extractors — one_for_one over everything that finds music, and the resolver that chooses among them.

mod extractor;
pub(crate) mod resolver;

use std::time::Duration;

use domain::Fault;
use supervisor::{ChildSpec, Handle, Intensity, Strategy, SupervisorSpec, door};

use crate::settings::Sources;
use extractor::Service;

const INTENSITY: Intensity = Intensity { restarts_max: 10, within: Duration::from_secs(60) };
/// Whatever is under way is dropped; only the present message is waited for.
const END_MAX: Duration = Duration::from_secs(2);
/// Look-ups that may wait for one extractor.
const EXTRACTOR_BOUND: usize = 256;
const RESOLVER_BOUND: usize = 1_024;

/// The supervisor, and the way to the resolver.
pub(crate) fn child_spec(settings: Sources) -> Result<(ChildSpec, Handle<resolver::Msg>), Fault> {
    let http = sources::http::Http::new(settings.http.clone())?;
    let direct = sources::direct::Direct::new(http, settings.direct.clone());
    let deadline = settings.resolve_max;
    let mut services = Vec::new();
    let mut start = |service: Service| {
        let (door, handle) = door(EXTRACTOR_BOUND);
        services.push(extractor::child_spec(door, service).deadline(END_MAX));
        handle
    };
    let files = settings.music_dir.clone().map(|root| start(Service::Files(root)));
    let direct = start(Service::Direct(direct));
    let attachments = start(Service::Attachments(settings.attachment));
    let (door, handle) = door(RESOLVER_BOUND);
    let routes = resolver::Routes { files, direct, attachments };
    let resolver = resolver::child_spec(door, routes, deadline).deadline(END_MAX);
    // they do not depend on each other: together they have one deadline, however many they are
    let spec =
        SupervisorSpec::new(Strategy::OneForOne, INTENSITY).together(services).child(resolver);
    Ok((ChildSpec::supervisor("extractors", spec), handle))
}
