// The official SDK for Node.js as an echo: what comes under the topic "ping" goes back under "echo".
//
//     node node_echo.js NODE_MODULES URL TOKEN LOSSY
'use strict';

const path = require('path');

const [modules, url, token, lossy] = process.argv.slice(2);
const { Room, RoomEvent, dispose } = require(path.join(modules, '@livekit/rtc-node'));

async function main() {
  const room = new Room();
  room.on(RoomEvent.DataReceived, (payload, _participant, _kind, topic) => {
    if (topic === 'ping') room.localParticipant.publishData(payload, { reliable: lossy !== '1', topic: 'echo' });
  });
  process.on('SIGTERM', async () => {
    await room.disconnect();
    await dispose();
    process.exit(0);
  });
  await room.connect(url, token, { autoSubscribe: true });
  console.log('ready');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
