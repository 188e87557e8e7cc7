//! Who is asked, and in which order: every service's best instance before anybody's second, whoever failed lately last.
//! Of those who failed longer ago and have not answered since, each question tries one in its place, so that a service
//! that is well again is found out and ten that are not cost the time of one.

use domain::inquiry::{self, Inquiry, Seat};
use domain::league::Standing;
use domain::timeline::Step;
use domain::{Fault, Reason};

use super::{Guide, Outside, Trail};
use crate::pursuit::{Asking, Taste, pursue};
use crate::root::extractors::service::{self, Answer, Question, Said};

/// More are not asked for one thing.
const CHAIRS_MAX: usize = 24;

/// One instance that may be asked, and its own name for what is wanted.
#[derive(Debug, Clone)]
pub(super) struct Chair {
    pub(super) service: usize,
    pub(super) instance: usize,
    pub(super) row: usize,
    pub(super) key: String,
    standing: Standing,
}

// === impl Guide ===

impl Guide {
    /// The instances of all services that `key_of` gives a key for, in the order of asking.
    pub(super) fn chairs(&self, key_of: impl Fn(&Outside) -> Option<String>) -> Vec<Chair> {
        let mut chairs = Vec::new();
        for (service, outside) in self.services.iter().enumerate() {
            let Some(key) = key_of(outside) else { continue };
            let rows = outside.instances.iter().map(|(row, _)| *row).enumerate();
            let mut instances: Vec<(Standing, usize, usize)> =
                rows.map(|(at, row)| (self.ledger.standing(row), at, row)).collect();
            instances.sort_by_key(|(standing, ..)| *standing != Standing::Well);
            for (round, (standing, instance, row)) in instances.into_iter().enumerate() {
                chairs.push((round, Chair { service, instance, row, key: key.clone(), standing }));
            }
        }
        in_order(chairs)
    }

    /// Puts a question to these until one gives an answer that `judge` takes.
    pub(super) async fn put<T: Send + 'static>(
        &self,
        step: Step,
        chairs: Vec<Chair>,
        question: impl Fn(&Chair) -> Question,
        judge: impl Fn(Answer) -> Result<T, Option<Fault>> + Clone + Send + 'static,
        trail: &mut Trail,
    ) -> Result<(Chair, T), Fault> {
        if chairs.is_empty() {
            return Err(Fault::refused(Reason::NotFound, "there is nobody to ask for it"));
        }
        let seat = |chair: &Chair| {
            let outside = &self.services[chair.service];
            let instance = outside.instances[chair.instance].1.instance();
            let who = format!("{} at {instance}", outside.name);
            let is_doubtful = chair.standing != Standing::Well;
            Seat { who, p95: self.ledger.p95(chair.row), is_doubtful }
        };
        // opening may cost the service something, so nobody is asked for it twice
        let tries_max = if step == Step::Open { 1 } else { self.settings.inquiry.tries_max };
        let settings =
            inquiry::Settings { deadline: trail.left(), tries_max, ..self.settings.inquiry };
        let inquiry = Inquiry::new(settings, step, chairs.iter().map(seat).collect());
        let answer_max = settings.answer_max;
        let ask = |at: usize| -> Asking<T> {
            let chair = &chairs[at];
            let handle = self.services[chair.service].handle.clone();
            let (instance, question, judge) = (chair.instance, question(chair), judge.clone());
            Box::pin(async move {
                let ask = |reply| service::Msg::Ask { instance, question, reply };
                match handle.ask(ask, answer_max * 2).await {
                    Ok(Said::Answer(answer)) => match judge(answer) {
                        Ok(good) => Taste::Good(good),
                        Err(fault) => Taste::Poor(fault),
                    },
                    Ok(Said::Fault(fault)) => Taste::Failed(fault),
                    Ok(Said::Hindered(hindrance)) => Taste::Hindered(hindrance),
                    Err(unanswered) => Taste::Failed(super::unavailable(unanswered)),
                }
            })
        };
        let slow = |at: usize, took| {
            let fault = Fault::transient(Reason::Timeout, "no answer in the usual time");
            self.ledger.came(chairs[at].row, Some(&fault), took);
        };
        let at = trail.now();
        let (outcome, timeline) = pursue(inquiry, ask, slow).await;
        trail.append(timeline, at);
        let (won, answer) = outcome?;
        self.ledger.won(chairs[won].row);
        Ok((chairs[won].clone(), answer))
    }
}

/// Within a round, services keep the operator's order; one trial is in its place, the others come last.
fn in_order(chairs: Vec<(usize, Chair)>) -> Vec<Chair> {
    let mut is_one_tried = false;
    let mut ranked: Vec<(bool, usize, Chair)> = chairs
        .into_iter()
        .map(|(round, chair)| {
            let is_tried = chair.standing == Standing::OnTrial && !is_one_tried;
            is_one_tried |= is_tried;
            (chair.standing != Standing::Well && !is_tried, round, chair)
        })
        .collect();
    ranked.sort_by_key(|(is_last, round, _)| (*is_last, *round));
    ranked.into_iter().map(|(.., chair)| chair).take(CHAIRS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use Standing::{OnTrial, Unwell, Well};

    use super::*;

    fn order(of: &[(usize, Standing)]) -> Vec<usize> {
        let chair = |(at, (round, standing)): (usize, &(usize, Standing))| {
            let standing = *standing;
            let chair = Chair { service: at, instance: 0, row: at, key: String::new(), standing };
            (*round, chair)
        };
        let chairs = of.iter().enumerate().map(chair).collect();
        in_order(chairs).into_iter().map(|chair| chair.row).collect()
    }

    #[test]
    fn whoever_failed_lately_comes_last_and_one_at_a_time_is_tried_in_its_place() {
        assert_eq!(order(&[(0, Well), (1, Well), (0, Well)]), [0, 2, 1], "everybody's best first");
        assert_eq!(order(&[(0, Unwell), (0, Well), (1, Well)]), [1, 2, 0]);
        assert_eq!(order(&[(0, OnTrial), (0, OnTrial), (0, Well)]), [0, 2, 1], "one trial");
        assert_eq!(order(&[(0, Unwell), (0, OnTrial), (1, OnTrial), (0, Well)]), [1, 3, 0, 2]);
    }
}
