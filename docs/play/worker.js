// Meta-training beside the page, which stays at its own pace.

import { FILES } from "./files.js";
import { loop } from "./loop.js";

const handle = loop((message) => postMessage(message), FILES, 40);
addEventListener("message", ({ data }) => handle(data));
postMessage({ ready: true });
