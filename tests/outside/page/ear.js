// Keeps the sound of one track.

const BLOCK = 0x8000;

export class Ear {
  constructor(context, track) {
    const stream = new MediaStream([track]);
    // Chromium lets the sound of a connection flow only while an element plays it
    this.element = new Audio();
    this.element.srcObject = stream;
    this.element.play();
    this.blocks = [];
    const tap = new AudioWorkletNode(context, "tap");
    tap.port.onmessage = (event) => this.blocks.push(event.data);
    context.createMediaStreamSource(stream).connect(tap).connect(context.destination);
  }

  take() {
    const bytes = new Uint8Array(this.blocks.reduce((total, block) => total + block.byteLength, 0));
    let at = 0;
    for (const block of this.blocks.splice(0)) {
      bytes.set(new Uint8Array(block), at);
      at += block.byteLength;
    }
    let text = "";
    for (let from = 0; from < bytes.length; from += BLOCK) {
      text += String.fromCharCode(...bytes.subarray(from, from + BLOCK));
    }
    return btoa(text);
  }
}
