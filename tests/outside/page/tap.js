// Hands on what passes, a tenth of a second at a time, as 16-bit samples of one channel. It lives on the audio thread.

const SAMPLES = 4_800;

class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(SAMPLES);
    this.filled = 0;
  }

  process([channels]) {
    const length = channels[0]?.length ?? 128;
    for (let at = 0; at < length; at += 1) {
      const sum = channels.reduce((total, channel) => total + channel[at], 0);
      const mono = channels.length > 0 ? sum / channels.length : 0;
      this.block[this.filled] = Math.max(-1, Math.min(1, mono)) * 32_767;
      this.filled += 1;
      if (this.filled === SAMPLES) {
        this.port.postMessage(this.block.slice().buffer);
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("tap", Tap);
