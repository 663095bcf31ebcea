use super::*;
use tokio::net::TcpListener;

const HELLO: &str = "250-mx.test hello\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 SMTPUTF8\r\n";

/// A server that gives these answers one after the other, the first as greeting, whatever is said. Gives what
/// it got once the client is gone.
async fn server(answers: Vec<String>) -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut got = String::new();
        let mut in_data = false;
        for answer in answers {
            let _ = stream.get_mut().write_all(answer.as_bytes()).await;
            in_data |= answer.starts_with("354");
            loop {
                let before = got.len();
                if stream.read_line(&mut got).await.unwrap_or(0) == 0 {
                    return got;
                }
                let end = got.get(before..) == Some(".\r\n");
                if !in_data || end {
                    in_data &= !end;
                    break;
                }
            }
        }
        let _ = stream.read_to_string(&mut got).await;
        got
    });
    (port, task)
}

fn texts(answers: &[&str]) -> Vec<String> {
    answers.iter().map(|a| (*a).to_owned()).collect()
}

async fn send(port: u16, mail: &[&str], rcpt: &[&str], data: &[&[u8]]) -> Result<(), SmtpError> {
    let (mail, rcpt) = (texts(mail), texts(rcpt));
    let server = Server { host: "127.0.0.1", port, helo: "mx.test", timeout: Duration::from_secs(5) };
    let recipients = [("b@y", rcpt.as_slice()), ("c@y", &[])];
    let transaction = Transaction { sender: ("a@x", &mail), recipients: &recipients, data };
    prepare(server, transaction).await?.commit().await
}

#[tokio::test]
async fn a_message_is_said_with_its_parameters_and_doubled_dots() {
    let ok = "250 2.0.0 ok\r\n";
    let (port, got) = server(texts(&["220 hi\r\n", HELLO, ok, ok, ok, "354 go\r\n", ok])).await;
    let mail = ["SIZE=9", "body=8bitmime", "AUTH=<>", "SMTPUTF8", "RET=HDRS", "ENVID=a b", "X=1"];
    let data: [&[u8]; 3] = [b".A: b\r\n", b".\r\n\r\nx.\r\n..", b"y"];
    send(port, &mail, &["NOTIFY=NEVER", "ORCPT=rfc822;b@y"], &data).await.unwrap();
    assert_eq!(
        got.await.unwrap(),
        "EHLO mx.test\r\nMAIL FROM:<a@x> body=8bitmime SMTPUTF8 RET=HDRS\r\n\
         RCPT TO:<b@y> NOTIFY=NEVER ORCPT=rfc822;b@y\r\nRCPT TO:<c@y>\r\nDATA\r\n\
         ..A: b\r\n..\r\n\r\nx.\r\n...y\r\n.\r\nQUIT\r\n"
    );
}

#[tokio::test]
async fn parameters_the_server_does_not_know_are_left_out_or_refused() {
    let ok = "250 ok\r\n";
    let (port, got) = server(texts(&["220 hi\r\n", "250 mx\r\n", ok, ok, ok, "354 go\r\n", ok])).await;
    send(port, &["RET=FULL"], &["NOTIFY=NEVER"], &[b"\r\n"]).await.unwrap();
    let got = got.await.unwrap();
    assert!(got.contains("MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n"), "{got}");
    for (parameter, keyword) in [("BODY=8BITMIME", "8BITMIME"), ("SMTPUTF8", "SMTPUTF8")] {
        let (port, _) = server(texts(&["220 hi\r\n", "250 mx\r\n"])).await;
        let error = send(port, &[parameter], &[], &[b"\r\n"]).await.unwrap_err();
        assert!(matches!(error, SmtpError::NotOffered(k) if k == keyword), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_anywhere_ends_it_without_the_end_of_the_data() {
    let (greeting, ok, go) = ("220 hi\r\n", "250 ok\r\n", "354 go\r\n");
    let right = [greeting, HELLO, ok, ok, ok, go];
    for (step, command) in ["connecting", "EHLO", "MAIL", "RCPT", "RCPT", "DATA"].iter().enumerate() {
        let mut answers = texts(&right[..step]);
        answers.push("452-first line\r\n452 second\r\n".to_owned());
        let (port, got) = server(answers).await;
        let error = send(port, &[], &[], &[b"\r\n"]).await.unwrap_err().to_string();
        assert_eq!(error, format!("{command}: 452 first line"));
        assert!(!got.await.unwrap().contains("\r\n.\r\n"));
    }
    let (port, _) =
        server([&right[..], &["554 no\r\n"]].concat().iter().map(|a| (*a).to_owned()).collect()).await;
    let error = send(port, &[], &[], &[b"\r\n"]).await.unwrap_err().to_string();
    assert_eq!(error, "end of data: 554 no");
}

#[tokio::test]
async fn garbage_silence_and_endless_replies_are_bounded() {
    let endless = "250-x\r\n".repeat(10_000);
    for answer in [
        "",
        "x",
        "2\r\n",
        "220?no\r\n",
        "999 no\r\n",
        "\u{e9}\u{e9}\u{e9}\r\n",
        &endless,
        &"2".repeat(100_000),
    ] {
        let (port, task) = server(texts(&[answer])).await;
        let closes = answer.is_empty();
        if closes {
            task.abort();
        }
        let error = send(port, &[], &[], &[b"\r\n"]).await.unwrap_err();
        assert!(
            matches!(error, SmtpError::NoReply(_) | SmtpError::Io(_) | SmtpError::Silent),
            "{answer:.20}: {error}"
        );
    }
    // Nobody there at all.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert!(matches!(send(port, &[], &[], &[b"\r\n"]).await, Err(SmtpError::Io(_))));
}

#[tokio::test]
async fn a_silent_server_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server { host: "127.0.0.1", port, helo: "mx.test", timeout: Duration::from_millis(50) };
    let transaction = Transaction { sender: ("", &[]), recipients: &[], data: &[] };
    assert!(matches!(prepare(server, transaction).await, Err(SmtpError::Silent)));
}
