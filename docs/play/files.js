// What is compiled of the networks that the page trains, by method and shots.

import firstOrder5 from "../../generated/relu2/wasm/first_order-5.wasm" with { type: "bytes" };
import firstOrder10 from "../../generated/relu2/wasm/first_order-10.wasm" with { type: "bytes" };
import relu2of5 from "../../generated/relu2/wasm/native-5.wasm" with { type: "bytes" };
import relu2of10 from "../../generated/relu2/wasm/native-10.wasm" with { type: "bytes" };
import metaSgd5 from "../../generated/meta_sgd/wasm/native-5.wasm" with { type: "bytes" };
import metaSgd10 from "../../generated/meta_sgd/wasm/native-10.wasm" with { type: "bytes" };

export const FILES = {
  "maml-5": () => relu2of5, "maml-10": () => relu2of10,
  "first-order-5": () => firstOrder5, "first-order-10": () => firstOrder10,
  "meta-sgd-5": () => metaSgd5, "meta-sgd-10": () => metaSgd10,
};
