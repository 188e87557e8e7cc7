// Drives a browser for browser.py: one JSON line in is one thing to do, one JSON line out is what came of it.
//
//     node browser.cjs PROGRAM PROFILE     (playwright-core is looked for in NODE_PATH)

const readline = require("node:readline");
const { chromium } = require("playwright-core");

const OPTIONS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
];

async function main([program, profile]) {
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    headless: true,
    args: OPTIONS,
  });
  const pages = new Map();

  async function act({ page, url, call, argument }) {
    if (url !== undefined) {
      const opened = await browser.newPage();
      opened.on("console", (message) => console.error(`${page}: ${message.text()}`));
      opened.on("pageerror", (error) => console.error(`${page}: ${error}`));
      await opened.goto(url);
      await opened.waitForFunction(() => globalThis.member !== undefined);
      pages.set(page, opened);
      return null;
    }
    if (call === "close") {
      await pages.get(page).close();
      return null;
    }
    return pages.get(page).evaluate(([name, value]) => globalThis.member[name](value), [call, argument]);
  }

  const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
  say({ version: browser.browser()?.version() ?? "" });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const wish = JSON.parse(line);
    act(wish).then(
      (result) => say({ id: wish.id, result: result ?? null }),
      (error) => say({ id: wish.id, error: String(error.message ?? error).split("\n")[0] }),
    );
  }
  await browser.close();
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
