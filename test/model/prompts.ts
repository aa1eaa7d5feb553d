/** Prompts of many kinds for comparisons of whole distributions: prose, facts, code, numbers, dialogue, other languages. */
import { createRandom } from "./strings.ts";

const SENTENCES = [
  "The harbour was quiet before dawn, and only the gulls moved along the wet stones of the quay.",
  "Water boils at one hundred degrees Celsius at sea level, and at a lower temperature on a mountain.",
  "To bake bread you need flour, water, salt and yeast, and above all a good deal of patience.",
  "def fibonacci(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a\n",
  "The capital of France is Paris, the capital of Italy is Rome, and the capital of Spain is Madrid.",
  "In 1969 two astronauts walked on the Moon while a third one waited in orbit above them.",
  "const total = items.reduce((sum, item) => sum + item.price * item.count, 0);\nconsole.log(total);\n",
  "She asked him whether he had seen the letter; he shook his head and looked out of the window.",
  "3 + 4 = 7, 7 + 8 = 15, 15 + 16 = 31, 31 + 32 = 63, and so on without end.",
  "Photosynthesis turns carbon dioxide and water into sugar and oxygen with the energy of sunlight.",
  "SELECT name, COUNT(*) FROM orders WHERE year = 2024 GROUP BY name ORDER BY 2 DESC LIMIT 10;\n",
  "Please write a polite email to my landlord about the broken heating in the kitchen.",
  "Once upon a time there was a small fox who wanted to learn how to read the stars.",
  "The stock fell by 12.5% on Tuesday after the company reported lower sales than expected.",
  "Il fait beau aujourd'hui et les enfants jouent dans le jardin derrière la maison.",
  "Der Zug nach Hamburg fährt heute leider zwanzig Minuten später von Gleis sieben ab.",
  "# Installation\n\n1. Download the archive.\n2. Unpack it into an empty folder.\n3. Run `make install`.\n",
  "A triangle with sides of three, four and five units has a right angle opposite the longest side.",
  "The old clockmaker never hurried; he said that time was the one thing he had enough of.",
  '{"name": "Ada", "born": 1815, "fields": ["mathematics", "computing"], "alive": false}\n',
  "Exercise helps the heart, improves sleep and, for many people, lifts the mood as well.",
  "What are the three most important differences between a virus and a bacterium?",
  "El mercado abre a las ocho de la mañana y cierra cuando se acaba el pescado.",
  "If all birds lay eggs and a penguin is a bird, then it follows that a penguin lays eggs.",
];

/** Texts of about a hundred tokens; every second one is a conversation in the model's own format. */
export function makePrompts(count: number, seed: number): string[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const left = [...SENTENCES];
    const text = Array.from({ length: 5 }, () => left.splice(random.below(left.length), 1)[0]).join(" ");
    if (i % 2 === 0) return text;
    return `<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n`;
  });
}
