//! The chat as it happens, line by line.

use std::collections::HashMap;
use std::time::Duration;

use simulator::world::{Event, Population, Shown, World, jam};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Prints what happens in the world until it is stopped.
pub(super) struct Transcript {
    started: Instant,
    printing: JoinHandle<()>,
}

struct Printer {
    names: HashMap<i64, String>,
    started: Instant,
    last: HashMap<(i64, i32), String>,
}

// === impl Transcript ===

impl Transcript {
    pub(super) fn start(world: &World, population: &Population) -> Transcript {
        let mut names: HashMap<i64, String> = population
            .users
            .iter()
            .chain(&population.assistants)
            .map(|p| (p.id, p.first_name.clone()))
            .collect();
        names.extend(population.bots.iter().map(|bot| (bot.id, bot.first_name.clone())));
        let started = Instant::now();
        let mut printer = Printer { names, started, last: HashMap::new() };
        let mut events = world.watch();
        #[allow(clippy::disallowed_methods, reason = "the demo owns it, and ends it with itself")]
        let printing = tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(event) => printer.print(event),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                }
            }
        });
        Transcript { started, printing }
    }

    /// What happens beside the chat.
    pub(super) fn note(&self, text: &str) {
        println!("{} {:<14} * {text}", clock(self.started), "");
    }

    /// Lets time pass while the chat goes on.
    pub(super) async fn settle(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    pub(super) fn stop(self) {
        self.printing.abort();
    }
}

// === impl Printer ===

impl Printer {
    fn print(&mut self, event: Event) {
        match event {
            Event::Said(shown) => self.message(&shown, ""),
            Event::Edited(shown) => {
                // a mere move of the line is shown as one line
                let moved = self
                    .last
                    .get(&(shown.chat, shown.id))
                    .map(|before| changed_lines(before, &shown.text));
                match moved {
                    Some(lines) if lines.len() == 1 => {
                        self.line(&shown, &format!("  ~ {}", lines[0]));
                        self.last.insert((shown.chat, shown.id), shown.text.clone());
                    }
                    _ => self.message(&shown, "✎ "),
                }
            }
            Event::Joined { chat, user } => {
                println!("{} {:<14} joined {}", self.clock(), self.name(Some(user)), place(chat))
            }
            Event::Left { chat, user } => {
                println!("{} {:<14} left {}", self.clock(), self.name(Some(user)), place(chat))
            }
            Event::Deleted { .. } | Event::Pressed { .. } | Event::Answered { .. } => {}
        }
    }

    fn message(&mut self, shown: &Shown, mark: &str) {
        self.last.insert((shown.chat, shown.id), shown.text.clone());
        if let Some(service) = &shown.service {
            println!("{} {:<14} * {service}", self.clock(), self.name(shown.from));
            return;
        }
        for (index, line) in shown.text.lines().enumerate() {
            let mark = if index == 0 { mark } else { "  " };
            self.line(shown, &format!("{mark}{line}"));
        }
        let buttons: Vec<String> =
            shown.buttons.iter().flatten().map(|button| format!("[{}]", button.text)).collect();
        if !buttons.is_empty() {
            self.line(shown, &format!("  {}", buttons.join(" ")));
        }
    }

    fn line(&self, shown: &Shown, text: &str) {
        println!("{} {:<14} {text}", self.clock(), self.name(shown.from));
    }

    fn clock(&self) -> String {
        clock(self.started)
    }

    fn name(&self, user: Option<i64>) -> String {
        user.map_or_else(
            || "Admin".to_owned(),
            |user| self.names.get(&user).cloned().unwrap_or_else(|| user.to_string()),
        )
    }
}

fn clock(since: Instant) -> String {
    format!("{:>5.1}s", since.elapsed().as_secs_f32())
}

fn place(chat: i64) -> &'static str {
    if chat == jam() { "the group" } else { "a chat" }
}

/// The lines of `after` that differ from `before`, if both have the same shape.
fn changed_lines<'a>(before: &str, after: &'a str) -> Vec<&'a str> {
    if before.lines().count() != after.lines().count() {
        return after.lines().collect();
    }
    before.lines().zip(after.lines()).filter(|(a, b)| a != b).map(|(_, b)| b).collect()
}
