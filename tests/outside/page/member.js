// One member of a voice chat as Telegram's web clients are one: a peer connection that offers, an answer put together
// from JSON, and one more section for every other member. Signalling is somebody else's.

import { answerOf, joinOf, sections } from "./description.js";
import { Ear } from "./ear.js";

const RATE = 48_000;
// Of numbers with 32 bits one half is negative in Telegram's signed ones, and both must work.
const SIGN = 0x8000_0000;

let context;
let connection;
let channel;
let params;
let microphone;
const told = [];
// Mid of a section by the source it carries, and the ears on them.
const places = new Map();
const ears = new Map();

async function ready() {
  context = new AudioContext({ sampleRate: RATE });
  await context.audioWorklet.addModule("tap.js");
  await context.resume();
}

// The join as JSON. `tones` is what to say, each of one second and over again; without them, the microphone's own
// sound is sent. `sign` asks for a source that is negative in Telegram's numbers, or for one that is not.
async function offer({ tones = null, is_negative = false }) {
  await ready();
  const track = tones === null ? await captured() : synthesised(tones);
  for (;;) {
    connection = new RTCPeerConnection({ iceServers: [] });
    connection.addTransceiver(track, { direction: "sendrecv" });
    channel = connection.createDataChannel("data", { id: 0 });
    const made = await connection.createOffer();
    const ssrc = sections(made.sdp)[0].ssrc;
    if (ssrc >= SIGN === is_negative) {
      break;
    }
    connection.close();
  }
  microphone = track;
  channel.onmessage = (event) => told.push(JSON.parse(event.data));
  connection.ontrack = hear;
  await connection.setLocalDescription();
  const sdp = connection.localDescription.sdp;
  return JSON.stringify(joinOf(sdp, sections(sdp)[0].ssrc));
}

async function captured() {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  return stream.getAudioTracks()[0];
}

function synthesised(tones) {
  const oscillator = new OscillatorNode(context);
  const gain = new GainNode(context, { gain: 0.3 });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  const start = context.currentTime;
  for (let second = 0; second < 120; second += 1) {
    oscillator.frequency.setValueAtTime(tones[second % tones.length], start + second);
  }
  oscillator.connect(gain).connect(out);
  oscillator.start();
  return out.stream.getAudioTracks()[0];
}

// What came back from the join; resolves when the connection stands and the data channel is open.
async function answer(json) {
  params = JSON.parse(json);
  await describe();
  await until(() => connection.connectionState === "connected", "connected");
  await until(() => channel.readyState === "open", "data channel");
  return true;
}

async function describe() {
  const sources = new Map([...places].map(([source, transceiver]) => [transceiver.mid, source]));
  const sdp = answerOf(params, connection.localDescription.sdp, sources);
  await connection.setRemoteDescription({ type: "answer", sdp });
}

// Who else is in the call, as sources; sections come with those who joined and fall silent with those who left.
async function others(sources) {
  const wanted = new Set(sources.map((source) => source >>> 0));
  const joined = [...wanted].filter((source) => !places.has(source));
  const left = [...places.keys()].filter((source) => !wanted.has(source));
  for (const source of left) {
    places.get(source).direction = "inactive";
    places.delete(source);
  }
  for (const source of joined) {
    places.set(source, connection.addTransceiver("audio", { direction: "recvonly" }));
  }
  if (joined.length + left.length > 0) {
    await connection.setLocalDescription();
    await describe();
  }
  return [...places.keys()];
}

function hear(event) {
  const found = [...places].find(([, transceiver]) => transceiver === event.transceiver);
  if (found !== undefined) {
    ears.set(found[0], new Ear(context, event.track));
  }
}

// What came from a source since it was there, as 16-bit samples in base 64; nothing is left behind.
function heard(source) {
  const ear = ears.get(source >>> 0);
  return ear === undefined ? "" : ear.take();
}

function mute(is_muted) {
  microphone.enabled = !is_muted;
}

// The browser's own counters of what it receives, by source, and of what it sends.
async function counters() {
  const found = { received: {}, sent: null, transport: null };
  (await connection.getStats()).forEach((report) => {
    if (report.type === "inbound-rtp") {
      found.received[report.ssrc] = report;
    } else if (report.type === "outbound-rtp") {
      found.sent = report;
    } else if (report.type === "transport") {
      found.transport = report;
    }
  });
  return found;
}

function state() {
  return { connection: connection.connectionState, channel: channel.readyState, told };
}

function leave() {
  connection.close();
}

async function until(holds, what) {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) {
      throw new Error(`not ${what}: ${connection.connectionState}, ${connection.iceConnectionState}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

globalThis.member = { offer, answer, others, heard, mute, counters, state, leave };
