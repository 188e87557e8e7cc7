// Session descriptions (RFC 8866, RFC 8829): what a browser's offer says, and the answer that Telegram's JSON stands for.

// The media sections of a description, in order; each with its kind, its mid and its direction.
export function sections(sdp) {
  return sdp.split(/^m=/m).slice(1).map((text) => ({
    kind: text.split(" ", 1)[0],
    mid: value(text, "mid"),
    direction: text.match(/^a=(sendrecv|sendonly|recvonly|inactive)\s*$/m)?.[1],
    ssrc: Number(value(text, "ssrc")?.split(" ", 1)[0]),
  }));
}

function value(sdp, name) {
  return sdp.match(new RegExp(`^a=${name}:(.*?)\\s*$`, "m"))?.[1];
}

// The `params` of phone.joinGroupCall: a browser is the DTLS client, and sources are signed.
export function joinOf(sdp, ssrc) {
  const [hash, fingerprint] = value(sdp, "fingerprint").split(" ");
  return {
    ufrag: value(sdp, "ice-ufrag"),
    pwd: value(sdp, "ice-pwd"),
    fingerprints: [{ hash, fingerprint, setup: "active" }],
    ssrc: ssrc | 0,
    "ssrc-groups": [],
  };
}

// The answer to `offer` that `params` of updateGroupCallConnection stand for. `sources` tells whose sound each section
// carries, by mid.
export function answerOf(params, offer, sources) {
  const all = sections(offer);
  const { transport, audio } = params;
  const lines = [
    "v=0",
    `o=- ${Date.now()} 2 IN IP4 0.0.0.0`,
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${all.map((section) => section.mid).join(" ")}`,
    "a=ice-lite",
    "a=msid-semantic: WMS *",
  ];
  for (const section of all) {
    const own = section.kind === "application" ? dataLines() : audioLines(audio, section, sources.get(section.mid));
    const [first, ...rest] = own;
    lines.push(first, "c=IN IP4 0.0.0.0", `a=mid:${section.mid}`, ...transportLines(transport), ...rest);
  }
  return `${lines.join("\r\n")}\r\n`;
}

function transportLines({ ufrag, pwd, fingerprints, candidates }) {
  return [
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    ...fingerprints.flatMap((f) => [`a=fingerprint:${f.hash} ${f.fingerprint}`, `a=setup:${f.setup}`]),
    ...candidates.map((c) =>
      `a=candidate:${c.foundation} ${c.component} ${c.protocol} ${c.priority} ${c.ip} ${c.port} typ ${c.type}` +
      ` generation ${c.generation}`),
  ];
}

function dataLines() {
  return ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000", "a=max-message-size:262144"];
}

const OPPOSITE = { sendrecv: "sendrecv", sendonly: "recvonly", recvonly: "sendonly", inactive: "inactive" };

function audioLines(audio, { direction }, source) {
  const types = audio["payload-types"];
  // telegram sends nothing to the section by which a browser speaks, and nothing of who has left
  const answered = direction === "recvonly" && source === undefined ? "inactive" : OPPOSITE[direction];
  return [
    `m=audio 9 UDP/TLS/RTP/SAVPF ${types.map((type) => type.id).join(" ")}`,
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=rtcp-mux",
    `a=${answered}`,
    ...types.flatMap(codecLines),
    ...audio["rtp-hdrexts"].map((extension) => `a=extmap:${extension.id} ${extension.uri}`),
    ...(source === undefined ? [] : [`a=msid:stream${source} audio${source}`, `a=ssrc:${source} cname:stream${source}`]),
  ];
}

function codecLines(type) {
  const parameters = Object.entries(type.parameters ?? {}).map(([key, value]) => `${key}=${value}`);
  return [
    `a=rtpmap:${type.id} ${type.name}/${type.clockrate}${type.channels > 1 ? `/${type.channels}` : ""}`,
    ...(parameters.length > 0 ? [`a=fmtp:${type.id} ${parameters.join(";")}`] : []),
    ...(type["rtcp-fbs"] ?? []).map((f) => `a=rtcp-fb:${type.id} ${[f.type, f.subtype].filter(Boolean).join(" ")}`),
  ];
}
