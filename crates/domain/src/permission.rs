//! Who may do what in a chat.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;

/// Whom a chat lets control its player. Asking for tracks is open to everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Controls {
    /// Every member.
    Everyone,
    /// Administrators, and whoever asked for the track that sounds (to skip it).
    Admins,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Queue a track, look at the queue.
    Play,
    /// Pause, resume.
    Pause,
    Skip,
    /// Stop and clear.
    Stop,
}

/// What is known about who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub user: UserId,
    /// Speaks for the group itself (an anonymous administrator).
    pub is_anonymous_admin: bool,
    pub is_admin: bool,
    /// Runs this bot (OWNER_ID).
    pub is_owner: bool,
    /// Asked for the track that sounds.
    pub is_requester: bool,
}

/// Whether `standing` has `right` where `controls` is the chat's rule.
pub fn allows(controls: Controls, standing: Standing, right: Right) -> bool {
    let commands = standing.is_admin || standing.is_owner || standing.is_anonymous_admin;
    match (right, controls) {
        (Right::Play, _) | (_, Controls::Everyone) => true,
        (Right::Skip, Controls::Admins) => commands || standing.is_requester,
        (Right::Pause | Right::Stop, Controls::Admins) => commands,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: Standing = Standing {
        user: UserId(1),
        is_anonymous_admin: false,
        is_admin: false,
        is_owner: false,
        is_requester: false,
    };

    #[test]
    fn each_role_has_its_rights() {
        let admin = Standing { is_admin: true, ..MEMBER };
        let anonymous = Standing { is_anonymous_admin: true, ..MEMBER };
        let owner = Standing { is_owner: true, ..MEMBER };
        let requester = Standing { is_requester: true, ..MEMBER };
        // rows: who; columns: play, pause, skip, stop under Controls::Admins
        let rows = [
            (MEMBER, [true, false, false, false]),
            (requester, [true, false, true, false]),
            (admin, [true, true, true, true]),
            (anonymous, [true, true, true, true]),
            (owner, [true, true, true, true]),
        ];
        let rights = [Right::Play, Right::Pause, Right::Skip, Right::Stop];
        for (who, expected) in rows {
            assert_eq!(
                rights.map(|right| allows(Controls::Admins, who, right)),
                expected,
                "{who:?}"
            );
            assert_eq!(rights.map(|right| allows(Controls::Everyone, who, right)), [true; 4]);
        }
    }
}
