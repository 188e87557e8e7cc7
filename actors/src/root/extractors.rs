//! Extractors — one_for_one over everything that finds music, and the resolver that chooses among them.

pub(crate) mod extractor;
pub(crate) mod service;
pub(crate) mod resolver;

use std::time::Duration;

use domain::Fault;
use domain::league::Instance;
use domain::limit::Bucket;
use sources::cache::Cache;
use sources::service::Service as Port;
use supervisor::{ChildSpec, Handle, Intensity, Strategy, SupervisorSpec, door};

use crate::ledger::Ledger;
use crate::resolving::{Outside, Routes};
use crate::settings::Sources;
use extractor::Service;

const INTENSITY: Intensity = Intensity { restarts_max: 10, within: Duration::from_secs(60) };
/// Whatever is under way is dropped; only the present message is waited for.
const END_MAX: Duration = Duration::from_secs(2);
/// Look-ups that may wait for one extractor.
const EXTRACTOR_BOUND: usize = 256;
const RESOLVER_BOUND: usize = 1_024;

/// The supervisor, the way to the resolver, and how the services are doing.
pub(crate) fn child_spec(
    settings: Sources,
    cache: Cache,
) -> Result<(ChildSpec, Handle<resolver::Msg>, Ledger), Fault> {
    let http = sources::http::Http::new(settings.http.clone())?;
    let direct = sources::direct::Direct::new(http, settings.direct.clone());
    let mut children = Vec::new();
    let mut start = |service: Service| {
        let (door, handle) = door(EXTRACTOR_BOUND);
        children.push(extractor::child_spec(door, service).deadline(END_MAX));
        handle
    };
    let files = settings.music_dir.clone().map(|root| start(Service::Files(root)));
    let short_links = settings.short_links.clone();
    let direct = start(Service::Direct(direct, short_links.clone(), cache));
    let attachments = start(Service::Attachments(settings.attachment));
    let ledger = Ledger::new(settings.services.iter().flatten().map(|one| row(&**one)).collect());
    let mut services = Vec::new();
    let mut n_rows = 0;
    for ports in settings.services.iter().filter(|ports| !ports.is_empty()) {
        let instances: Vec<_> = (n_rows..).zip(ports.iter().cloned()).collect();
        n_rows += ports.len();
        let (door, handle) = door(EXTRACTOR_BOUND);
        let (name, abilities) = (ports[0].name(), ports[0].abilities());
        let answer_max = settings.lookups.inquiry.answer_max;
        let service = service::Instances {
            name,
            instances: instances.clone(),
            ledger: ledger.clone(),
            answer_max,
        };
        children.push(service::child_spec(door, service).deadline(END_MAX));
        services.push(Outside { name, abilities, handle, instances });
    }
    let (door, handle) = door(RESOLVER_BOUND);
    let parts = resolver::Parts {
        routes: Routes { files, direct, attachments, short_links },
        services: services.into(),
        ledger: ledger.clone(),
        settings: settings.lookups,
    };
    let resolver = resolver::child_spec(door, parts).deadline(END_MAX);
    // they do not depend on each other: together they have one deadline, however many they are
    let spec =
        SupervisorSpec::new(Strategy::OneForOne, INTENSITY).together(children).child(resolver);
    Ok((ChildSpec::supervisor("extractors", spec), handle, ledger))
}

fn row(port: &dyn Port) -> Instance {
    let limit = port.limit().map(|limit| Bucket::new(limit.requests, limit.within));
    Instance::new(port.name(), port.instance(), limit)
}
