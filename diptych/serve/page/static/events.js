// Server-sent events of a response: { event, data } with the data read as JSON.

export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    rest += (value ?? "").replaceAll("\r", "");
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = { event: "message", data: [] };
      for (const line of block.split("\n")) {
        const [, name, text] = line.match(/^([^:]*):? ?(.*)$/);
        if (name === "event") fields.event = text;
        else if (name === "data") fields.data.push(text);
      }
      if (fields.data.length) yield { event: fields.event, data: JSON.parse(fields.data.join("\n")) };
    }
    if (done) return;
  }
}
