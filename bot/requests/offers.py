"""Commands that an answer offers to its reader, and the people to ask for those that the reader may not run. Pure."""

from dataclasses import dataclass, field

from adapters.errors import FlatnetError
from adapters.inventory import Host
from adapters.phrase import Phrase
from bot.access.people import name_roles
from bot.access.policy import Actor
from bot.access.refusals import explain_withheld_command
from bot.config.active_config import ActiveConfig
from commands.language.grammar import parse_operation
from commands.language.help import find_operation
from commands.language.labels import label_request
from commands.model.operation import Catalogue, Operation
from commands.values.normalize import normalize_text


@dataclass(frozen=True)
class ReaderOffers:
    """Judge of offered commands (`commands.model.finding.OfferJudge`) on behalf of one actor.

    The place is not judged: the actor may run the command somewhere else. If an answer is `public`, guests may read it, so
    it names the roles that a command needs instead of people.
    """

    actor: Actor
    config: ActiveConfig
    catalogue: Catalogue
    public: bool = False
    permitted: Catalogue = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "permitted", self.config.policy.list_permitted(self.actor, self.catalogue))

    def may_run(self, words: str) -> bool:
        """Returns whether the actor may run this command. Words without a command are left to the grammar."""
        found = find_operation(words.split(), self.catalogue)
        return found is None or found[0] in self.permitted

    def explain_withheld(self, words: str) -> Phrase:
        """Explains whom the actor can ask to run this command."""
        found = find_operation(words.split(), self.catalogue)
        contacts = None if found is None else self._describe_contacts(found[0], words)
        return explain_withheld_command(label_request(words, self.catalogue), contacts)

    def _describe_contacts(self, operation: type[Operation], words: str) -> Phrase | None:
        policy = self.config.policy
        if self.public:
            return name_roles(frozenset(role for _, grant in policy.find_grants(operation) for role in grant.roles))
        return policy.describe_holders(self.actor, operation, self._find_hosts(words))

    def _find_hosts(self, words: str) -> tuple[Host, ...]:
        """Finds the hosts that a command names; none if its words are only the beginning of a command."""
        try:
            operation = parse_operation(normalize_text(words), self.catalogue, self.catalogue)
            return operation.resolve_hosts(self.config.inventory)
        except FlatnetError:
            return ()
