use super::*;

fn stranger() -> Asker {
    Asker { dc: DC, key: 1, session: 2, user: None }
}

pub(super) fn send_code(phone: &str) -> tl::functions::auth::SendCode {
    tl::functions::auth::SendCode {
        phone_number: phone.to_owned(),
        api_id: 1,
        api_hash: "a".repeat(32),
        settings: types::CodeSettings {
            allow_flashcall: false,
            current_number: false,
            allow_app_hash: false,
            allow_missed_call: false,
            allow_firebase: false,
            unknown_number: false,
            logout_tokens: None,
            token: None,
            app_sandbox: None,
        }
        .into(),
    }
}

pub(super) fn sign_in(phone: &str, hash: &str, code: &str) -> tl::functions::auth::SignIn {
    tl::functions::auth::SignIn {
        phone_number: phone.to_owned(),
        phone_code_hash: hash.to_owned(),
        phone_code: Some(code.to_owned()),
        email_verification: None,
    }
}

async fn hash_of(town: &Town, phone: &str) -> String {
    match town.ask_as(stranger(), &send_code(phone)).await.unwrap() {
        enums::auth::SentCode::Code(sent) => sent.phone_code_hash,
        other => panic!("unexpected {other:?}"),
    }
}

#[tokio::test]
async fn a_phone_and_its_code_open_the_account() {
    let town = town();
    let hash = hash_of(&town, "+9996622222").await;
    let wrong = town.ask_as(stranger(), &sign_in("+9996622222", &hash, "99999")).await;
    assert_eq!(wrong.unwrap_err().name, "PHONE_CODE_INVALID");
    let right = town.ask_as(stranger(), &sign_in("9996622222", &hash, "12345")).await.unwrap();
    let enums::auth::Authorization::Authorization(right) = right else {
        panic!("no authorization")
    };
    let enums::User::User(user) = right.user else { panic!("no user") };
    assert!(user.is_self);
    assert_eq!(user.id, BORIS);
    assert_eq!(*lock(&town.notebook.bound), [(1, BORIS)]);
    let again = town.ask_as(stranger(), &sign_in("9996622222", &hash, "12345")).await;
    assert_eq!(again.unwrap_err().name, "PHONE_CODE_EXPIRED");
}

#[tokio::test]
async fn an_unknown_phone_and_a_wrong_token_are_refused() {
    let town = town();
    let refused = town.ask_as(stranger(), &send_code("+15550000000")).await;
    assert_eq!(refused.unwrap_err().name, "PHONE_NUMBER_INVALID");
    let mut import = tl::functions::auth::ImportBotAuthorization {
        flags: 0,
        api_id: 1,
        api_hash: String::new(),
        bot_auth_token: "1:nobody".to_owned(),
    };
    assert_eq!(town.ask_as(stranger(), &import).await.unwrap_err().name, "ACCESS_TOKEN_INVALID");
    import.bot_auth_token = Population::small().bots[0].token.clone();
    town.ask_as(stranger(), &import).await.unwrap();
    assert_eq!(*lock(&town.notebook.bound), [(1, BOT)]);
}

#[tokio::test]
async fn nothing_but_the_doorway_is_open_before_login() {
    let town = town();
    let me = tl::functions::users::GetUsers { id: vec![enums::InputUser::UserSelf] };
    let refused = town.ask_as(stranger(), &me).await.unwrap_err();
    assert_eq!((refused.code, refused.name.as_str()), (401, "AUTH_KEY_UNREGISTERED"));
    let enums::Config::Config(config) =
        town.ask_as(stranger(), &tl::functions::help::GetConfig {}).await.unwrap();
    let enums::DcOption::Option(option) = &config.dc_options[0];
    assert_eq!(
        (option.ip_address.as_str(), option.port, option.r#static),
        ("127.0.0.1", 4_430, true)
    );
}

#[tokio::test]
async fn a_locked_account_hears_why_at_every_request() {
    let town = town();
    town.world.lock_account(BORIS, Some(Refusal::new(401, "USER_DEACTIVATED")));
    assert_eq!(town.refused(BORIS, &tl::functions::updates::GetState {}).await, "USER_DEACTIVATED");
    town.world.lock_account(BORIS, None);
    assert!(town.ask(BORIS, &tl::functions::updates::GetState {}).await.is_ok());
}

#[tokio::test]
async fn logging_out_frees_the_key() {
    let town = town();
    lock(&town.notebook.bound).push((BORIS * 10, BORIS));
    town.ask(BORIS, &tl::functions::auth::LogOut {}).await.unwrap();
    assert!(lock(&town.notebook.bound).is_empty());
}

#[tokio::test]
async fn an_unknown_method_is_refused_and_counted() {
    let town = town();
    let request = tl::functions::account::GetWallPapers { hash: 0 };
    assert_eq!(town.refused(BORIS, &request).await, "METHOD_INVALID");
    assert_eq!(town.world.unknown_methods(), [("account.getWallPapers".to_owned(), 1)]);
}
