//! The session's outside services: two on loopback, of which the one that is asked first can be made to hang.

use std::path::{Path, PathBuf};

use anyhow::Result;
use domain::league::Line;
use simulator::music;
use simulator::services::{Mood, Service, Shape};

use super::ELSEWHERE;
use crate::simulated::{Folder, services};

pub(super) struct Outside {
    /// In the order of asking.
    services: [Service; 2],
    /// The demo's music without what only the services have.
    music: PathBuf,
    _folder: Folder,
}

// === impl Outside ===

impl Outside {
    pub(super) async fn start() -> Result<Outside> {
        let folder = Folder::new()?;
        let music = folder.path().join("music");
        std::fs::create_dir_all(&music)?;
        for file in music::files().iter().filter(|file| file.track != ELSEWHERE) {
            std::fs::write(music.join(file.name), file.bytes)?;
        }
        let services = [
            Service::start(Shape::Invidious, Mood::Answers).await?,
            Service::start(Shape::Audius, Mood::Answers).await?,
        ];
        Ok(Outside { services, music, _folder: folder })
    }

    pub(super) fn music(&self) -> &Path {
        &self.music
    }

    pub(super) fn settings(&self) -> String {
        services::settings(&self.services)
    }

    /// Whom the bot may ask although they are private; the caller's own first.
    pub(super) fn hosts(&self, others: &[String]) -> Vec<String> {
        [others, &services::hosts(&self.services)].concat()
    }

    /// The one that is asked first says nothing more.
    pub(super) fn hang(&self) {
        self.services[0].set(Mood::Hangs);
    }
}

/// What /stats tells operators of the services.
pub(super) fn print(services: &[Line]) {
    println!("\nWhat the operator sees of the outside services:");
    println!("{:<12} {:>8} {:>10} {:>8} {:>8}", "service", "asked", "answered", "p50", "wins");
    for line in services {
        let p50 = match line.p50_ms {
            None => "–".to_owned(),
            Some(0) => "< 1 ms".to_owned(),
            Some(ms) => format!("{ms} ms"),
        };
        let is_silent = line.n_asked > 0 && line.n_answered == 0;
        println!(
            "{:<12} {:>8} {:>10} {p50:>8} {:>8}  {}",
            line.service,
            line.n_asked,
            line.n_answered,
            line.n_wins,
            if is_silent { "is silent" } else { "" },
        );
    }
}
