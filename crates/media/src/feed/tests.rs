use super::*;

fn pipe(capacity_bytes: usize, len: Option<u64>, is_seekable: bool) -> (Writer, Reader) {
    feed(FeedSettings { capacity_bytes, len, is_seekable, stall: Duration::from_millis(30) })
}

fn read(reader: &mut Reader, n: usize) -> io::Result<Vec<u8>> {
    let mut buf = vec![0; n];
    let n = reader.read(&mut buf)?;
    buf.truncate(n);
    Ok(buf)
}

fn reason(error: &io::Error) -> Reason {
    crate::fault::of_io(error).reason
}

#[test]
fn no_more_is_held_than_agreed() {
    let (mut writer, mut reader) = pipe(4, None, false);
    assert_eq!(writer.try_push(b"abcdef"), Ok(4));
    assert_eq!(writer.try_push(b"ef"), Ok(0));
    assert_eq!(read(&mut reader, 3).unwrap(), b"abc");
    assert_eq!(writer.try_push(b"ef"), Ok(2));
    writer.finish();
    assert_eq!(read(&mut reader, 9).unwrap(), b"def");
    assert_eq!(read(&mut reader, 9).unwrap(), b"");
}

#[test]
fn a_seek_is_told_to_the_writer_only_when_it_is_read_there() {
    let (mut writer, mut reader) = pipe(8, Some(1_000_000), true);
    assert_eq!(writer.try_push(b"head"), Ok(4));
    // There and back again: what is here is still here.
    assert_eq!(reader.seek(SeekFrom::End(0)).unwrap(), 1_000_000);
    assert_eq!(reader.seek(SeekFrom::Start(1)).unwrap(), 1);
    assert_eq!(read(&mut reader, 9).unwrap(), b"ead");
    assert_eq!(writer.try_command(), None);
    // Really elsewhere: the old bytes are forgotten.
    assert_eq!(writer.try_push(b"more"), Ok(4));
    assert_eq!(reader.seek(SeekFrom::End(-4)).unwrap(), 999_996);
    assert_eq!(reason(&read(&mut reader, 9).unwrap_err()), Reason::Timeout);
    assert_eq!(writer.try_push(b"late"), Err(Command::Seek(999_996)));
    assert_eq!(writer.try_push(b"tail"), Ok(4));
    writer.finish();
    assert_eq!(read(&mut reader, 9).unwrap(), b"tail");
    assert_eq!(read(&mut reader, 9).unwrap(), b"");
}

#[test]
fn a_short_way_ahead_is_read_through() {
    let (mut writer, mut reader) = pipe(8, Some(1_000_000), true);
    assert_eq!(writer.try_push(b"01234567"), Ok(8));
    reader.seek(SeekFrom::Start(10)).unwrap();
    assert_eq!(reason(&read(&mut reader, 1).unwrap_err()), Reason::Timeout);
    assert_eq!(writer.try_push(b"89ab"), Ok(4));
    assert_eq!(read(&mut reader, 9).unwrap(), b"ab");
}

#[test]
fn what_cannot_seek_says_so() {
    let (mut writer, mut reader) = pipe(8, None, false);
    assert_eq!(writer.try_push(b"01234567"), Ok(8));
    assert_eq!(read(&mut reader, 4).unwrap(), b"0123");
    reader.seek(SeekFrom::Start(0)).unwrap();
    assert_eq!(read(&mut reader, 4).unwrap_err().kind(), io::ErrorKind::Unsupported);
    reader.seek(SeekFrom::Start(6)).unwrap();
    assert_eq!(read(&mut reader, 4).unwrap(), b"67");
    assert!(reader.seek(SeekFrom::End(0)).is_err());
}

#[test]
fn closing_reaches_both_ends() {
    let (mut writer, reader) = pipe(8, None, false);
    drop(reader);
    assert_eq!(writer.try_push(b"x"), Err(Command::Close));
    assert_eq!(writer.try_command(), Some(Command::Close));
    let (writer, mut reader) = pipe(8, None, false);
    drop(writer);
    assert_eq!(reason(&read(&mut reader, 1).unwrap_err()), Reason::Unreachable);
    let (_writer, mut reader) = pipe(8, None, false);
    reader.canceller().cancel();
    assert_eq!(reason(&read(&mut reader, 1).unwrap_err()), Reason::Stopping);
}

#[test]
fn a_fault_comes_after_the_bytes_before_it() {
    let (mut writer, mut reader) = pipe(8, None, false);
    assert_eq!(writer.try_push(b"abc"), Ok(3));
    writer.fail(Fault::transient(Reason::ServiceRefused, "503"));
    assert_eq!(read(&mut reader, 8).unwrap(), b"abc");
    assert_eq!(reason(&read(&mut reader, 8).unwrap_err()), Reason::ServiceRefused);
}
