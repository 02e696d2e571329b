/** Opens the example's WebSocket, says what the command line says, prints what comes back. */
const [url = 'ws://127.0.0.1:8080/chat', text = 'hello'] = process.argv.slice(2);

const socket = new WebSocket(url);
socket.addEventListener('error', () => {
  console.error(`No WebSocket at ${url}. Is the gateway running (npm start)?`);
  process.exitCode = 1;
});
socket.addEventListener('open', () => socket.send(text));
socket.addEventListener('message', ({ data }) => {
  console.log(`< ${data}`);
  if (data === text) socket.close();
});
