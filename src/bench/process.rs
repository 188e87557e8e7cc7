//! What the kernel says about a process and its machine. Parsing is pure; reading is a line each.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};

/// Linux counts the times in /proc in hundredths of a second on every machine this runs on (USER_HZ).
const TICK: Duration = Duration::from_millis(10);

/// Memory of a process, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// Resident pages, shared ones in full.
    pub(super) rss_kib: u64,
    /// Resident pages, shared ones divided by those who share them.
    pub(super) pss_kib: u64,
}

/// From /proc/PID/stat: all threads together, those that ended included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) user: Duration,
    pub(super) system: Duration,
    pub(super) threads: u64,
}

/// CPU time of this process, all threads, user and system.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

/// Memory of this process.
pub(super) fn memory() -> Result<Memory> {
    let text = read("/proc/self/smaps_rollup")?;
    parse_rollup(&text).context("/proc/self/smaps_rollup reads like nothing known")
}

/// Usage of a process; `self` is this one.
pub(super) fn usage(process: &str) -> Result<Usage> {
    let path = format!("/proc/{process}/stat");
    let text = read(&path)?;
    parse_stat(&text).with_context(|| format!("{path} reads like nothing known"))
}

/// CPU time of everything on the machine since it was started, stolen time included.
pub(super) fn machine_busy() -> Result<Duration> {
    parse_busy(&read("/proc/stat")?).context("/proc/stat reads like nothing known")
}

/// The load averages over 1, 5 and 15 minutes.
pub(super) fn load_average() -> Result<[f64; 3]> {
    parse_load(&read("/proc/loadavg")?).context("/proc/loadavg reads like nothing known")
}

/// The processor's name, as far as the kernel knows it.
pub(super) fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    parse_processor(&text).unwrap_or("unknown").to_owned()
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))
}

fn parse_rollup(text: &str) -> Option<Memory> {
    let kib = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    Some(Memory { rss_kib: kib("Rss:")?, pss_kib: kib("Pss:")? })
}

/// Fields are counted after the name, which may hold anything, brackets and spaces too (proc(5)).
fn parse_stat(text: &str) -> Option<Usage> {
    let (_, after_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // state is the third field of the line and the first one here
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Usage { user: ticks(field(14)?), system: ticks(field(15)?), threads: field(20)? })
}

/// `cpu user nice system idle iowait irq softirq steal …`
fn parse_busy(text: &str) -> Option<Duration> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, steal, ..] = fields[..] else {
        return None;
    };
    Some(ticks(user + nice + system + irq + softirq + steal))
}

fn parse_load(text: &str) -> Option<[f64; 3]> {
    let mut fields = text.split_whitespace().map(|field| field.parse().ok());
    Some([fields.next()??, fields.next()??, fields.next()??])
}

fn parse_processor(text: &str) -> Option<&str> {
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

fn ticks(n: u64) -> Duration {
    TICK.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_the_sum_over_all_mappings() {
        let text = "55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:   12345 kB\nPss:    6789 kB\nPss_Dirty: 1 kB\n";
        assert_eq!(parse_rollup(text), Some(Memory { rss_kib: 12_345, pss_kib: 6_789 }));
        assert_eq!(parse_rollup("Rss: 1 kB\n"), None);
        assert_eq!(parse_rollup("Rss: 1 MB\nPss: 1 kB\n"), None);
    }

    #[test]
    fn a_process_may_be_called_anything() {
        let text = "42 (a) R (b) S 1 42 42 0 -1 4194304 100 0 0 0 731 269 5 6 20 0 9 0 12345 1000 200 rest";
        let usage = parse_stat(text).unwrap();
        assert_eq!(usage.user, Duration::from_millis(7_310));
        assert_eq!(usage.system, Duration::from_millis(2_690));
        assert_eq!(usage.threads, 9);
        assert_eq!(parse_stat("42 (x) S 1 2"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn a_waiting_machine_is_not_busy() {
        let text = "cpu  100 20 30 99999 88888 4 5 6 7 8\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(parse_busy(text), Some(Duration::from_millis(1_650)));
        assert_eq!(parse_busy("cpu  1 2 3\n"), None);
    }

    #[test]
    fn the_load_has_three_figures() {
        assert_eq!(parse_load("0.50 1.25 4.79 2/180 11272\n"), Some([0.5, 1.25, 4.79]));
        assert_eq!(parse_load("0.50 1.25\n"), None);
    }

    #[test]
    fn the_processor_has_a_name() {
        assert_eq!(
            parse_processor("processor\t: 0\nmodel name\t: Some CPU @ 2.5GHz\n"),
            Some("Some CPU @ 2.5GHz")
        );
        assert_eq!(parse_processor(""), None);
    }

    #[test]
    fn this_process_can_be_read() {
        assert!(memory().unwrap().rss_kib >= memory().unwrap().pss_kib / 2);
        assert!(usage("self").unwrap().threads >= 1);
        let before = cpu_time();
        let mut sum = 0u64;
        while cpu_time() == before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(machine_busy().unwrap() > Duration::ZERO);
        load_average().unwrap();
    }
}
