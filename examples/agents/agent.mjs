// An agent in twenty lines: node agent.mjs NATS_URL AGENT_ID
import { connect, JSONCodec } from "nats";
import { setTimeout as sleep } from "node:timers/promises";
const { encode, decode } = JSONCodec();
const { host: servers, username: user, password: pass } = new URL(process.argv[2]);
const nats = await connect({ servers, user, pass, maxReconnectAttempts: -1 });
const agent_id = process.argv[3], running = new Map(), to = (what) => `vapora.${what}.${agent_id}`;
const work = async (task) => ({ words: task.title.split(/\s+/).length });
async function run(task) {
  const { task_id, epoch } = task, begun = Date.now(), msgID = `${task_id}:${epoch}`;
  const done = await work(task).then((output) => ({ outcome: "success", output }),
    (error) => ({ outcome: "failure", error: { class: "agent_error", message: `${error}` } }));
  const result = encode({ task_id, epoch, duration_ms: Date.now() - begun, ...done });
  const send = () => nats.jetstream().publish(to("task.result"), result, { msgID });
  while (!await send().catch(() => sleep(1000))); // it is safe when the stream has said so
  running.delete(task_id);
}
nats.subscribe(to("task.assign"), { callback: (_, msg) => {
  const task = decode(msg.data);
  running.set(task.task_id, { task_id: task.task_id, epoch: task.epoch });
  msg.respond(encode({ accepted: true })) && run(task);
} });
for (let every = 1000; ; await sleep(every)) { // to register again is harmless
  nats.publish(to("agent.heartbeat"), encode({ agent_id, running: [...running.values()] }));
  await nats.request(to("api.agent.register"), encode({ agent_id, capacity: 4 }))
    .then((reply) => { every = decode(reply.data).interval_ms; }, () => {});
}
