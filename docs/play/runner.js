// Where training runs: in a worker, or in the page where that does not start or ends.
//
// From disk, what the search works with takes the place of Worker; the page keeps it before.

import { loop } from "./loop.js";
import source from "./worker.js" with { type: "text" };

// Of a page that stays quick, in milliseconds; a worker may take longer.
const SLICE = 12, PATIENCE = 4000;

export function runner(receive) {
  let worker = null, send = () => {}, settings = null, ready = false;

  function inPage(reason) {
    worker?.terminate();
    worker = null;
    const handle = loop(receive, {}, SLICE);
    send = handle;
    receive({ where: `in the page itself, because ${reason}` });
    if (settings) handle({ start: settings });
  }

  try {
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    worker = new window.NativeWorker(address);
    worker.onmessage = ({ data }) => {
      ready = true;
      receive(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      inPage("its worker has stopped");
    };
    send = (message) => worker.postMessage(message);
    setTimeout(() => ready || !worker || inPage("its worker does not start"), PATIENCE);
  } catch {
    inPage("this browser starts no worker");
  }

  return (message) => {
    if (message.start) settings = message.start;
    send(message);
  };
}
